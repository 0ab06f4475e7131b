# Shorthands.
{ lib, world, ... }:

let
  inherit (world)
    anchor
    byHand
    fleet
    former
    formerWith
    has
    home
    identity
    identityOf
    nixos
    ofAlice
    otherPackage
    own
    profileOf
    scriptOf
    settingsOf
    value
    web
    withHomeManager
    with_
    ;
in
{
  shorthandPriorities =
    let
      system = home [
        (with_ former)
        (with_ { trustAnchorArn = lib.mkForce "${anchor}-forced"; })
        (with_ { region = lib.mkDefault "eu-west-1"; })
        (with_ { identities.default.region = "eu-west-3"; })
        (with_ { profiles.admin.output = lib.mkForce "text"; })
        (with_ { identities.default.profiles.admin.output = "table"; })
      ];
    in
    value [
      (identityOf system).trustAnchorArn
      (profileOf system "admin").output
    ] [ "${anchor}-forced" "text" ];
  shorthandDefaultYields =
    let
      system = home [
        (with_ (builtins.removeAttrs former [ "region" ]))
        (with_ { region = lib.mkDefault "eu-west-1"; })
        (with_ { identities.default.region = "eu-west-3"; })
      ];
    in
    value (identityOf system).region "eu-west-3";
  regionOfTheAnchor = value (identityOf (home [ (with_ (identity { })) ])).region "eu-central-1";
  packageAndArguments =
    let
      system = home [
        (with_ (
          former
          // {
            package = otherPackage;
          }
        ))
        (with_ { identities.default.extraArgs = [ "--pkcs11-lib" "/a b" ]; })
      ];
    in
    value [
      (has "exec '/nix/store/11111111111111111111111111111111-mine/bin/helper' " (scriptOf (profileOf system "admin")))
      (has "'--pkcs11-lib' .\n  '/a b'\n" (scriptOf (profileOf system "admin")))
    ] [ true true ];
  quotedPaths =
    let
      system = home [
        (with_ (identity {
          certificateFile = "/my certs/it's";
          privateKeyFile = "$CREDENTIALS_DIRECTORY/a b";
        }))
      ];
      script = scriptOf (profileOf system "admin");
    in
    value [
      (has "--certificate '/my certs/it'.''s' " script)
      (has "--private-key \"\\$\\{CREDENTIALS_DIRECTORY:\\?}\"'/a b' " script)
    ] [ true true ];
  certificateAsAPath = value (has "-web.json'" (
    scriptOf (profileOf (home [ (with_ (identity { certificateFile = fleet + "/exports/nix/web.json"; })) ]) "admin")
  )) true;
  extraConfigScalars = value (builtins.removeAttrs
    (settingsOf (home [
      (with_ (identity {
        profiles.admin = byHand "admin" // {
          extraConfig = {
            max_attempts = 5;
            use_fips_endpoint = true;
          };
        };
      }))
    ]))."profile admin"
    [ "credential_process" ]
  ) {
    region = "eu-central-1";
    output = "json";
    max_attempts = 5;
    use_fips_endpoint = true;
  };

  outputs = value (map (
    output:
    (profileOf (home [ (with_ (identity { profiles.admin = byHand "admin" // { inherit output; }; })) ]) "admin").output
  ) [ "json" "yaml" "yaml-stream" "text" "table" "off" ]) [ "json" "yaml" "yaml-stream" "text" "table" "off" ];
  # Any one of the shorthands makes the identity.
  eachShorthand =
    value
      (map (changes: builtins.attrNames (own (home [ (with_ (changes // { enable = true; })) ])).identities) [
        { inherit fleet; }
        { host = "web"; }
        { package = otherPackage; }
        { profiles = { }; }
        { region = "eu-central-1"; }
        { sessionDuration = 900; }
        { trustAnchorArn = anchor; }
        { }
      ])
      [ [ "default" ] [ "default" ] [ "default" ] [ "default" ] [ "default" ] [ "default" ] [ "default" ] [ ] ];
  systemHandsEverythingOn =
    let
      system = nixos [
        withHomeManager
        (formerWith { user = "alice"; package = otherPackage; })
        (with_ { identities.default.extraArgs = [ "--with-proxy" ]; profiles.admin.region = "us-east-1"; })
      ];
      own = (ofAlice system).programs.iamRolesAnywhere.identities.default;
    in
    value [
      (scriptOf own.profiles.admin == scriptOf (profileOf system "admin"))
      own.region
      own.sessionDuration
      own.profiles.admin.region
      own.extraArgs
      own.package.name
    ] [ true "ap-southeast-2" 3600 "us-east-1" [ "--with-proxy" ] "mine" ];
}
