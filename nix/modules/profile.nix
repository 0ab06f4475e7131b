# One AWS profile of an identity: a role that its certificate opens.
{
  lib,
  pkgs,
  types,
  identity,
}:

{ config, name, ... }:

let
  iamRa = import ../lib;
in
{
  options = {
    profileArn = lib.mkOption {
      type = types.profileArn;
      description = "ARN of the Roles Anywhere profile that holds the role. A fleet's outputs set it.";
      example = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/0f8a8a3b-97b5-4a3e-9e3f-5d0c4a1b2c3d";
    };

    roleArn = lib.mkOption {
      type = types.roleArn;
      description = "ARN of the IAM role to take. A fleet's outputs set it.";
      example = "arn:aws:iam::123456789012:role/iam-ra/default/iam-ra-default-admin";
    };

    awsProfileName = lib.mkOption {
      type = types.awsProfileName;
      default = name;
      defaultText = lib.literalMD "the profile's attribute name";
      description = "Name of the AWS profile, as in `aws --profile`. Unique over all identities.";
      example = "production-admin";
    };

    makeDefault = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Whether `aws` without `--profile` uses this one. At most one profile of all identities may.";
      example = true;
    };

    sessionDuration = lib.mkOption {
      type = types.sessionDuration;
      default = identity.sessionDuration;
      defaultText = lib.literalMD "the identity's `sessionDuration`; else what the fleet's outputs say";
      description = "How long credentials last, in seconds. AWS's helper takes 3600 for null.";
      example = 900;
    };

    region = lib.mkOption {
      type = types.region;
      default = identity.region;
      defaultText = lib.literalMD "the identity's `region`";
      description = "Region that this profile's AWS calls go to.";
      example = "us-east-1";
    };

    output = lib.mkOption {
      type = lib.types.enum [
        "json"
        "yaml"
        "yaml-stream"
        "text"
        "table"
        "off"
      ];
      default = "json";
      description = "Form of what the AWS CLI prints.";
      example = "table";
    };

    extraConfig = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.oneOf [
          lib.types.str
          lib.types.int
          lib.types.bool
        ]
      );
      default = { };
      description = "More keys of the profile in the AWS config file, but for those that other options make.";
      example = {
        cli_pager = "";
        max_attempts = 5;
      };
    };

    credentialProcess = lib.mkOption {
      type = lib.types.path;
      readOnly = true;
      default = pkgs.writeShellScript "iam-ra-${iamRa.storeName config.awsProfileName}" (
        iamRa.wrapper (identity.wrapping config)
      );
      defaultText = lib.literalMD "a script in the store";
      description = "The command that prints credentials, for programs that are configured in other ways.";
    };
  };
}
