# What NixOS and nix-darwin share: the user whose home-manager gets the profiles.
{
  config,
  lib,
  options,
  ...
}:

let
  cfg = config.programs.iamRolesAnywhere;

  # What home-manager's module is to know, as defaults that a user's own settings beat.
  defaults = lib.mapAttrsRecursiveCond (value: !lib.isDerivation value) (_: lib.mkDefault);
  handedOn =
    identity:
    defaults {
      inherit (identity)
        certificateFile
        extraArgs
        package
        privateKeyFile
        region
        sessionDuration
        trustAnchorArn
        ;
    }
    // {
      profiles = builtins.mapAttrs (
        _: profile:
        defaults {
          inherit (profile)
            awsProfileName
            extraConfig
            output
            profileArn
            region
            roleArn
            sessionDuration
            ;
        }
      ) identity.profiles;
    };
in
{
  imports = [ ./common.nix ];

  options.programs.iamRolesAnywhere.user = lib.mkOption {
    type = lib.types.nullOr lib.types.str;
    default = null;
    description = "User who gets the profiles, in `~/.aws/config` by home-manager, and who may read the keys that sops-nix or agenix deliver. Without one, keys are root's.";
    example = "alice";
  };

  config = {
    programs.iamRolesAnywhere.hostName = lib.mkDefault config.networking.hostName;

    environment.systemPackages = lib.mkIf cfg.enable (
      map (identity: identity.package) (builtins.attrValues cfg.identities)
    );

    assertions = lib.mkIf cfg.enable [
      {
        assertion = cfg.user == null || options ? home-manager;
        message = "programs.iamRolesAnywhere.user is set, and home-manager is not imported: import its module, or leave `user` unset and point AWS_CONFIG_FILE to programs.iamRolesAnywhere.configFile.";
      }
    ];
  }
  // lib.optionalAttrs (options ? home-manager) {
    home-manager.users = lib.mkIf (cfg.enable && cfg.user != null) {
      ${cfg.user} = {
        imports = [ ./home.nix ];

        programs.iamRolesAnywhere = {
          enable = lib.mkDefault true;
          defaultProfile = lib.mkDefault cfg.defaultProfile;
          identities = builtins.mapAttrs (_: handedOn) cfg.identities;
        };
      };
    };
  };
}
