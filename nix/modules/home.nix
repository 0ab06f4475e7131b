# home-manager: the profiles in ~/.aws/config.
{
  config,
  lib,
  osConfig,
  ...
}:

let
  cfg = config.programs.iamRolesAnywhere;
in
{
  imports = [ ./common.nix ];

  config = {
    programs.iamRolesAnywhere.hostName = lib.mkDefault (osConfig.networking.hostName or null);

    # Defaults, every one: the file is the user's.
    programs.awscli = lib.mkIf cfg.enable {
      enable = lib.mkDefault true;
      settings = builtins.mapAttrs (_: builtins.mapAttrs (_: lib.mkDefault)) cfg.settings;
    };
    home.packages = lib.mkIf cfg.enable (
      map (identity: identity.package) (builtins.attrValues cfg.identities)
    );
  };
}
