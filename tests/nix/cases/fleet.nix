# A fleet.
{ lib, world, ... }:

let
  inherit (world)
    fleet
    fleet-home
    fleet-nixos
    has
    home
    identityOf
    nixos
    ofAlice
    ofFleet
    own
    profileOf
    settingsOf
    value
    web
    withHomeManager
    with_
    ;
in
{
  fleetSections = value (builtins.mapAttrs (_: each: each.region) (settingsOf fleet-home)) {
    default = "eu-central-1";
    "profile admin" = "eu-central-1";
    "profile readonly" = "eu-central-1";
  };
  fleetDefault = value (settingsOf fleet-home).default (settingsOf fleet-home)."profile readonly";
  fleetDurations =
    value (map (name: (profileOf fleet-home name).sessionDuration) [ "admin" "readonly" ])
      [ 900 3600 ];
  fleetCertificate = value (has "BEGIN CERTIFICATE" (
    builtins.readFile "${(identityOf fleet-home).certificateFile}"
  )) true;
  fleetKeyWithoutSops = value (identityOf fleet-home).privateKeyFile "/run/secrets/iam-ra/key";
  fleetOfOutputs = value (own (home [
    (with_ {
      enable = true;
      identities.default.outputs = builtins.fromJSON (builtins.readFile (fleet + "/exports/nix/web.json"));
    })
  ])).defaultProfile "readonly";
  fleetOfFile = value (own (home [
    (with_ {
      enable = true;
      identities.default.outputsFile = fleet + "/exports/nix/web.json";
    })
  ])).defaultProfile "readonly";
  fleetOfInput = value (own (home [
    (with_ {
      enable = true;
      host = "web";
      fleet = {
        outPath = toString fleet;
      };
    })
  ])).defaultProfile "readonly";
  fleetOverridden =
    let
      system = home [
        (with_ (
          ofFleet
          // {
            host = "web";
            region = "us-east-1";
            profiles.admin = {
              awsProfileName = "prod-admin";
              sessionDuration = 1800;
            };
          }
        ))
      ];
    in
    value
      {
        sections = builtins.attrNames (settingsOf system);
        inherit ((settingsOf system)."profile readonly") region;
        durations = map (name: (profileOf system name).sessionDuration) [ "admin" "readonly" ];
      }
      {
        sections = [ "default" "profile prod-admin" "profile readonly" ];
        region = "us-east-1";
        durations = [ 1800 3600 ];
      };
  fleetDurationForAll = value (map (
    name:
    (profileOf (home [
      (with_ (
        ofFleet
        // {
          host = "web";
          sessionDuration = 1200;
        }
      ))
    ]) name).sessionDuration
  ) [ "admin" "readonly" ]) [ 1200 1200 ];
  fleetDefaultFollowsItsName = value (own (home [
    (with_ (
      ofFleet
      // {
        host = "web";
        profiles.readonly.awsProfileName = "ro";
      }
    ))
  ])).defaultProfile "ro";
  fleetRoleCalledDefault =
    let
      system = home [ (with_ (ofFleet // { host = "tpm"; })) ];
    in
    value (builtins.attrNames (settingsOf system)) [ "default" "profile role-default" ];
  hostFromTheSystem = value (identityOf fleet-nixos).host "web";
  hostFromTheSystemOfHomeManager =
    let
      system = nixos [
        withHomeManager
        web
        { home-manager.users.alice = { imports = [ ../../../nix/modules/home.nix ]; } // with_ ofFleet; }
      ];
    in
    value (ofAlice system).programs.iamRolesAnywhere.identities.default.host "web";
}
