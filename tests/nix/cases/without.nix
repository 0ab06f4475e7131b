# Without home-manager, twice, disabled.
{ lib, world, ... }:

let
  inherit (world)
    fleet
    former
    former-home
    formerWith
    has
    home
    messages
    nixos
    ofAlice
    ofFleet
    own
    settingsOf
    value
    web
    withHomeManager
    with_
    ;
in
{
  withoutHomeManager =
    let
      system = nixos [ web (with_ ofFleet) ];
    in
    value
      [
        (messages system)
        (has "\\[profile admin]\ncredential_process = ${builtins.storeDir}/" (builtins.readFile (own system).configFile))
        (map (package: package.name) system.config.environment.systemPackages)
      ]
      [ [ ] true [ "aws-signing-helper" ] ];
  withoutHomeManagerForAUser = value (messages (nixos [ (formerWith { user = "alice"; }) ])) [
    "programs.iamRolesAnywhere.user is set, and home-manager is not imported: import its module, or leave `user` unset and point AWS_CONFIG_FILE to programs.iamRolesAnywhere.configFile."
  ];
  importedTwice =
    let
      system = nixos [
        ../../../nix/modules/nixos.nix
        { imports = [ ../../../nix/modules/nixos.nix ]; }
        withHomeManager
        { home-manager.users.alice.imports = [ ../../../nix/modules/home.nix ]; }
        (formerWith { user = "alice"; })
      ];
    in
    value (ofAlice system).programs.awscli.settings (settingsOf former-home);
  disabled =
    let
      dear = builtins.removeAttrs former [ "enable" ];
      system =
        (import ../systems.nix {
          inherit lib;
          pkgs = throw "packages are touched";
        }).nixos
          [ (with_ (dear // { fleet = throw "the fleet is touched"; })) ];
    in
    value [
      system.config.systemd.services
      system.config.environment.systemPackages
      system.config.assertions
    ] [ { } [ ] [ ] ];
}
