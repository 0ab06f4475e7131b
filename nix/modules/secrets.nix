# sops-nix and agenix bring the private keys of a fleet onto the host, if they are imported and the fleet has such files.
{
  config,
  lib,
  options,
  ...
}:

let
  iamRa = import ../lib;
  cfg = config.programs.iamRolesAnywhere;

  # That one file, not the folder around it, becomes part of the host's closure.
  fileOf =
    identity: file:
    builtins.path { path = identity.fleet + "/${file}"; };

  owner = lib.optionalAttrs (options.programs.iamRolesAnywhere ? user) {
    owner = lib.mkIf (cfg.user != null) (lib.mkDefault cfg.user);
  };

  secrets =
    delivery: nameOf: settings:
    lib.mapAttrs' (name: identity: lib.nameValuePair (nameOf name) (settings identity)) (
      lib.filterAttrs (_: identity: identity.keyDelivery == delivery) cfg.identities
    );
in
{
  config = lib.mkIf cfg.enable (
    lib.optionalAttrs (options ? sops) {
      sops.secrets = secrets "sops-nix" iamRa.sopsSecret (
        identity:
        {
          sopsFile = lib.mkDefault (fileOf identity identity.outputs.privateKey.sops.file);
          key = lib.mkDefault identity.outputs.privateKey.sops.key;
          format = lib.mkDefault "yaml";
        }
        // owner
      );
    }
    // lib.optionalAttrs (options ? age) {
      age.secrets = secrets "agenix" iamRa.ageSecret (
        identity:
        {
          file = lib.mkDefault (fileOf identity identity.outputs.privateKey.age.file);
        }
        // owner
      );
    }
  );
}
