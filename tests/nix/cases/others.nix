# Other people's options.
{ lib, world, ... }:

let
  inherit (world)
    former
    formerWith
    has
    home
    nixos
    ofAlice
    ofFleet
    settingsOf
    unit
    value
    web
    withHomeManager
    with_
    ;
in
{
  settingsYield =
    let
      system = home [
        (with_ former)
        {
          programs.awscli.settings.default.region = "eu-west-1";
          programs.awscli.settings."profile mine".region = "eu-west-2";
        }
      ];
    in
    value [
      (settingsOf system).default.region
      (settingsOf system)."profile admin".region
      (settingsOf system)."profile mine".region
    ] [ "eu-west-1" "ap-southeast-2" "eu-west-2" ];
  awscliYields = value (home [ (with_ former) { programs.awscli.enable = false; } ]).config.programs.awscli.enable false;
  usersOverrideTheSystem =
    let
      system = nixos [
        withHomeManager
        (formerWith { user = "alice"; })
        {
          home-manager.users.alice.programs.iamRolesAnywhere.profiles.readonly = {
            output = "text";
            sessionDuration = 1000;
          };
        }
      ];
      settings = (ofAlice system).programs.awscli.settings."profile ro";
    in
    value [
      settings.output
      settings.cli_pager
      (has "--session-duration 1000\n" (builtins.readFile settings.credential_process))
    ] [ "text" "" true ];
  unitsYield =
    let
      system = nixos [
        web
        (with_ (ofFleet // { services.restic.profile = "admin"; }))
        { systemd.services.restic.environment.AWS_PROFILE = "other"; }
      ];
    in
    value (unit system "restic").environment.AWS_PROFILE "other";
}
