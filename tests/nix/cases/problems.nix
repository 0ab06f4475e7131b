# Assertions.
{ lib, world, ... }:

let
  inherit (world)
    anchor
    byHand
    fleet
    has
    identity
    said
    staging
    two
    value
    ;
in
{
  problemNothing = value (said { enable = true; }) [
    "programs.iamRolesAnywhere.identities is empty: set programs.iamRolesAnywhere.fleet, or describe an identity."
  ];
  problemNoProfile = value (said (identity { profiles = { }; })) [
    "programs.iamRolesAnywhere.identities.default.profiles is empty: set `fleet`, or write at least one profile."
  ];
  problemIdentityName = value (said {
    enable = true;
    identities."a b" = (identity { }).identities.default;
  }) [ "programs.iamRolesAnywhere.identities.a b: an identity's name is made of letters, digits, `-` and `_`." ];
  problemSameName = value (said (
    two
    // {
      identities = two.identities // {
        staging = two.identities.staging // {
          profiles.deploy.awsProfileName = "admin";
        };
      };
    }
  )) [
    "The AWS profile `admin` is made by programs.iamRolesAnywhere.identities.production.profiles.admin and programs.iamRolesAnywhere.identities.staging.profiles.deploy: set awsProfileName of one of them."
  ];
  problemUnknownDefault = value (said (identity { } // { defaultProfile = "nobody"; })) [
    "programs.iamRolesAnywhere.defaultProfile is `nobody`, and there is no such AWS profile: admin."
  ];
  problemTwoDefaults = value (said (identity {
    profiles.admin = byHand "admin" // {
      makeDefault = true;
    };
    profiles.other = byHand "other" // {
      makeDefault = true;
    };
  })) [
    "makeDefault is set in programs.iamRolesAnywhere.identities.default.profiles.admin and programs.iamRolesAnywhere.identities.default.profiles.other, and the default profile is `admin`: there is one at most."
  ];
  problemArns = value (said (identity {
    profiles.admin = {
      profileArn = "arn:aws-cn:rolesanywhere:cn-north-1:210987654321:profile/a";
      roleArn = "arn:aws-cn:iam::210987654321:role/a";
    };
  })) (map (each: "programs.iamRolesAnywhere.identities.default.profiles.admin.${each}: all three ARNs must come from one namespace.") [
    "profileArn has the partition aws-cn, and the trust anchor aws"
    "profileArn has the region cn-north-1, and the trust anchor eu-central-1"
    "profileArn has the account 210987654321, and the trust anchor 123456789012"
    "roleArn has the partition aws-cn, and the trust anchor aws"
    "roleArn has the account 210987654321, and the trust anchor 123456789012"
  ]);
  problemExtraConfig = value (said (identity {
    profiles.admin = byHand "admin" // {
      extraConfig = {
        "a b" = 1;
        cli_pager = "less\nregion = x";
        credential_process = "mine";
        region = "eu-west-1";
      };
    };
  })) [
    "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.a b is not a key of an AWS config file: letters, digits and underscores."
    "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.credential_process is made by iam-ra: remove it."
    "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.region is made by iam-ra: set programs.iamRolesAnywhere.identities.default.profiles.admin.region."
    "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.cli_pager must be one line."
  ];
}
