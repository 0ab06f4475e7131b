# One identity: a certificate with its key, and the roles that it opens. An account each.
{
  lib,
  pkgs,
  types,
  hostName,
  secretPaths,
}:

{ config, name, ... }:

let
  iamRa = import ../lib;

  inherit (config) fleet outputs;

  wrapping = profile: {
    helper = lib.getExe config.package;
    certificate = "${config.certificateFile}";
    privateKey = config.privateKeyFile;
    inherit (config) trustAnchorArn extraArgs;
    inherit (profile) profileArn roleArn sessionDuration;
  };

  profileModule = import ./profile.nix {
    inherit lib pkgs types;
    identity = {
      inherit (config) region sessionDuration;
      inherit wrapping;
    };
  };
in
{
  options = {
    package = lib.mkPackageOption pkgs "aws-signing-helper" { };

    fleet = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      description = "The folder of `iam-ra.yaml`, with `exports` in it: a path, or a flake input with `flake = false`.";
      example = lib.literalExpression "./fleet";
    };

    host = lib.mkOption {
      type = lib.types.str;
      default =
        if hostName != null then
          hostName
        else
          throw "programs.iamRolesAnywhere.identities.${name}.host is not set, and networking.hostName does not say it either: set it to the host's key in iam-ra.yaml.";
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "The host's key in `iam-ra.yaml`. home-manager alone cannot know it.";
      example = "web";
    };

    outputsFile = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = if fleet == null then null else iamRa.hostOutputsFile fleet config.host;
      defaultText = lib.literalExpression ''fleet + "/exports/nix/''${host}.json"'';
      description = "The host's outputs, as `iam-ra apply` writes them.";
      example = lib.literalExpression "./web.json";
    };

    outputs = lib.mkOption {
      type = lib.types.nullOr (lib.types.attrsOf lib.types.anything);
      default = if config.outputsFile == null then null else iamRa.readHostOutputs config.outputsFile;
      defaultText = lib.literalMD "what `outputsFile` holds";
      apply = value: if value == null then null else iamRa.checkHostOutputs "identities.${name}.outputs" value;
      description = "The host's outputs, read. They are defaults of all that follows; what you set counts more.";
    };

    trustAnchorArn = lib.mkOption {
      type = types.trustAnchorArn;
      description = "ARN of the trust anchor of the certificate's authority. A fleet's outputs set it.";
      example = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1c2d3e4f-0a1b-4c3d-8e9f-5d0c4a1b2c3d";
    };

    region = lib.mkOption {
      type = types.region;
      default = (iamRa.parseArn config.trustAnchorArn).region;
      defaultText = lib.literalMD "the trust anchor's region";
      description = "Region that AWS calls go to. Credentials always come from the trust anchor's own region.";
      example = "eu-central-1";
    };

    certificateFile = lib.mkOption {
      type = types.location;
      description = "The certificate (PEM). It is public: a fleet's outputs put it into the store.";
      example = "/run/secrets/iam-ra/cert";
    };

    privateKeyFile = lib.mkOption {
      type = types.keyLocation;
      description = "The certificate's private key, for whoever uses the profiles to read. sops-nix, agenix or a fleet's outputs set it.";
      example = "/run/secrets/iam-ra/key";
    };

    keyDelivery = lib.mkOption {
      type = lib.types.nullOr (
        lib.types.enum [
          "sops-nix"
          "agenix"
        ]
      );
      default =
        if fleet == null || outputs == null then
          null
        else if outputs.privateKey ? sops && secretPaths ? sops-nix then
          "sops-nix"
        else if outputs.privateKey ? age && secretPaths ? agenix then
          "agenix"
        else
          null;
      defaultText = lib.literalMD "`sops-nix` or `agenix`, if the fleet has such a file for the host and that module is imported";
      description = "What brings the private key onto the host. Null leaves it to you.";
      example = "sops-nix";
    };

    sessionDuration = lib.mkOption {
      type = types.sessionDuration;
      default = null;
      description = "How long credentials of each profile last, in seconds.";
      example = 3600;
    };

    extraArgs = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      description = "More arguments of AWS's helper, such as `--pkcs11-lib`.";
      example = [
        "--pkcs11-lib"
        "/run/current-system/sw/lib/opensc-pkcs11.so"
      ];
    };

    profiles = lib.mkOption {
      type = lib.types.attrsOf (lib.types.submodule profileModule);
      default = { };
      description = "The roles that the certificate opens, an AWS profile each. A fleet's outputs make one a role.";
      example = lib.literalExpression ''
        {
          admin = {
            profileArn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/0f8a8a3b-97b5-4a3e-9e3f-5d0c4a1b2c3d";
            roleArn = "arn:aws:iam::123456789012:role/admin";
            makeDefault = true;
          };
        }
      '';
    };
  };

  config = lib.mkMerge [
    (lib.mkIf (outputs != null) {
      trustAnchorArn = lib.mkDefault outputs.trustAnchorArn;
      certificateFile = lib.mkDefault (
        pkgs.writeText "iam-ra-${name}-certificate.pem" outputs.certificate.pem
      );
      privateKeyFile = lib.mkOverride 1200 outputs.privateKey.path;
      profiles = builtins.mapAttrs (_: profile: {
        profileArn = lib.mkDefault profile.profileArn;
        roleArn = lib.mkDefault profile.roleArn;
        awsProfileName = lib.mkDefault profile.awsProfileName;
        sessionDuration = lib.mkIf (config.sessionDuration == null) (lib.mkDefault profile.sessionDuration);
      }) outputs.profiles;
    })
    (lib.mkIf (config.keyDelivery != null) {
      privateKeyFile = lib.mkDefault (secretPaths.${config.keyDelivery} name);
    })
  ];
}
