# What the modules of all systems share: the options, and what is made of them.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:

let
  iamRa = import ../lib;
  types = import ./types.nix { inherit lib; };

  path = "programs.iamRolesAnywhere";
  cfg = config.programs.iamRolesAnywhere;
  opts = options.programs.iamRolesAnywhere;

  # `options ? x` and never mkIf: an option that nobody declares may not even be defined under a false condition.
  secretPaths =
    lib.optionalAttrs (options ? sops) {
      sops-nix = name: config.sops.secrets.${iamRa.sopsSecret name}.path;
    }
    // lib.optionalAttrs (options ? age) {
      agenix = name: config.age.secrets.${iamRa.ageSecret name}.path;
    };

  identityModule = import ./identity.nix {
    inherit
      lib
      pkgs
      types
      secretPaths
      ;
    inherit (cfg) hostName;
  };
  identity = lib.types.submodule identityModule;

  # An option that stands for one of the identity `default`; nothing but its own value is read from it.
  shorthand =
    option: type:
    lib.mkOption {
      inherit type;
      description = "Shorthand for `identities.default.${option}`.";
    };
  forwarded = option: lib.mkIf option.isDefined (lib.mkOverride (option.highestPrio or 100) option.value);
  # Definitions instead of the value, so that each leaf keeps its own priority and its own file.
  forwardedDefinitions =
    option: lib.mkIf option.isDefined (lib.mkMerge (map lib.mkDefinition option.definitionsWithLocations));
  # Not the key's and the certificate's: their values may come from the secrets that depend on which identities there are.
  shorthands = [
    opts.fleet
    opts.host
    opts.package
    opts.profiles
    opts.region
    opts.sessionDuration
    opts.trustAnchorArn
  ];

  every = iamRa.profilesOf path cfg.identities;
  chosen = builtins.filter (each: each.profile.makeDefault) every;
  all = builtins.attrValues cfg.identities;
  main = cfg.identities.default or (if builtins.length all == 1 then builtins.head all else null);
  exported = main.profiles.${main.outputs.defaultProfile or ""}.awsProfileName or null;

  section = profile: {
    credential_process = "${profile.credentialProcess}";
    inherit (profile) region output;
  } // profile.extraConfig;
  isDefault = each: each.profile.awsProfileName == cfg.defaultProfile;
in
{
  imports = [ ./secrets.nix ];

  options.programs.iamRolesAnywhere = {
    enable = lib.mkEnableOption "AWS credentials from the host's certificate, by IAM Roles Anywhere";

    identities = lib.mkOption {
      type = lib.types.attrsOf identity;
      default = { };
      description = "Certificates of this host with the roles that they open: one for each AWS account. Most hosts have just `default`, which the shorthands describe.";
      example = lib.literalExpression ''{ production.fleet = ./fleets/production; staging.fleet = ./fleets/staging; }'';
    };

    defaultProfile = lib.mkOption {
      type = lib.types.nullOr types.awsProfileName;
      default = if chosen == [ ] then exported else (builtins.head chosen).profile.awsProfileName;
      defaultText = lib.literalMD "the profile with `makeDefault`; else the host's `default_role` in the fleet of the identity `default`";
      description = "AWS profile that `aws` without `--profile` uses.";
      example = "readonly";
    };

    settings = lib.mkOption {
      type = lib.types.attrsOf (lib.types.attrsOf lib.types.anything);
      readOnly = true;
      default =
        builtins.listToAttrs (
          map (each: lib.nameValuePair "profile ${each.profile.awsProfileName}" (section each.profile)) every
        )
        // builtins.listToAttrs (
          map (each: lib.nameValuePair "default" (section each.profile)) (builtins.filter isDefault every)
        );
      defaultText = lib.literalMD "made from the profiles";
      description = "The sections of the AWS config file.";
    };

    configFile = lib.mkOption {
      type = lib.types.path;
      readOnly = true;
      default = pkgs.writeText "iam-ra-aws-config" (iamRa.configText cfg.settings);
      defaultText = lib.literalMD "a file in the store";
      description = "The AWS config file by itself, for `AWS_CONFIG_FILE`.";
    };

    hostName = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      internal = true;
      description = "The system's own name, where there is one.";
    };

    certificate = {
      certPath = lib.mkOption {
        type = types.location;
        description = "Shorthand for `identities.default.certificateFile`.";
      };
      keyPath = lib.mkOption {
        type = types.keyLocation;
        description = "Shorthand for `identities.default.privateKeyFile`.";
      };
    };
    fleet = shorthand "fleet" lib.types.path;
    host = shorthand "host" lib.types.str;
    package = shorthand "package" lib.types.package;
    profiles = shorthand "profiles" lib.types.raw;
    region = shorthand "region" types.region;
    sessionDuration = shorthand "sessionDuration" types.sessionDuration;
    trustAnchorArn = shorthand "trustAnchorArn" types.trustAnchorArn;
  };

  config = lib.mkIf cfg.enable {
    programs.iamRolesAnywhere.identities = lib.mkIf (lib.any (option: option.isDefined) shorthands) {
      default = {
        certificateFile = forwarded opts.certificate.certPath;
        privateKeyFile = forwarded opts.certificate.keyPath;
        fleet = forwarded opts.fleet;
        host = forwarded opts.host;
        package = forwarded opts.package;
        profiles = forwardedDefinitions opts.profiles;
        region = forwarded opts.region;
        sessionDuration = forwarded opts.sessionDuration;
        trustAnchorArn = forwarded opts.trustAnchorArn;
      };
    };

    assertions = map (message: {
      assertion = false;
      inherit message;
    }) (iamRa.problems path cfg.identities cfg.defaultProfile);
  };
}
