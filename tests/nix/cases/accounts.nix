# Several accounts.
{ lib, world, ... }:

let
  inherit (world)
    has
    home
    messages
    nixos
    ofFleet
    own
    scriptOf
    settingsOf
    sops
    staging
    two
    value
    web
    with_
    ;
in
{
  severalAccounts =
    let
      system = home [ (with_ two) ];
    in
    value {
      sections = builtins.mapAttrs (_: each: each.region) (settingsOf system);
      problems = messages system;
      partition = has "--role-arn 'arn:aws-cn:iam::210987654321:role/" (
        scriptOf (own system).identities.staging.profiles.deploy
      );
    } {
      sections = {
        "profile admin" = "eu-central-1";
        "profile readonly" = "eu-central-1";
        "profile deploy" = "cn-north-1";
      };
      problems = [ ];
      partition = true;
    };
  severalAccountsOneDefault =
    let
      system = home [ (with_ (two // { defaultProfile = "deploy"; })) ];
    in
    value (settingsOf system).default (settingsOf system)."profile deploy";
  severalSecrets = value (builtins.attrNames
    (nixos [
      sops.nixos
      web
      (with_ two)
    ]).config.sops.secrets
  ) [
    "iam-ra/production"
    "iam-ra/staging"
  ];
  noDefault = value (builtins.attrNames
    (settingsOf (home [
      (with_ (
        ofFleet
        // {
          host = "web";
          defaultProfile = null;
        }
      ))
    ]))
  ) [ "profile admin" "profile readonly" ];
}
