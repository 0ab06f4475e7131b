# NixOS: beside a user's profiles, credentials for systemd units.
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

  every = iamRa.profilesOf path cfg.identities;
  named = awsProfileName: builtins.filter (each: each.profile.awsProfileName == awsProfileName) every;

  credentialsOf =
    identityName:
    let
      identity = cfg.identities.${identityName};
      certificate = "${identity.certificateFile}";
      # systemd reads the file as root and shows it to the unit alone, so DynamicUser works too.
      loaded =
        suffix: file:
        let
          name = "iam-ra-${identityName}.${suffix}";
        in
        {
          at = "$CREDENTIALS_DIRECTORY/${name}";
          load = [ (iamRa.loadCredential name file) ];
        };
      asIs = file: {
        at = file;
        load = [ ];
      };
      key = (if iamRa.isKeyHandle identity.privateKeyFile then asIs else loaded "key") identity.privateKeyFile;
      cert = (if iamRa.isInStore certificate then asIs else loaded "crt") certificate;
    in
    {
      privateKey = key.at;
      certificate = cert.at;
      loadCredential = key.load ++ cert.load;
    };

  # A unit's own script: the same helper, but the key where systemd puts it.
  scriptFor =
    action: extraArgs: each:
    let
      identity = cfg.identities.${each.identity};
    in
    pkgs.writeShellScript "iam-ra-${iamRa.storeName each.profile.awsProfileName}-${action}" (
      iamRa.wrapper {
        inherit action;
        helper = lib.getExe identity.package;
        inherit (credentialsOf each.identity) certificate privateKey;
        inherit (identity) trustAnchorArn;
        inherit (each.profile) profileArn roleArn sessionDuration;
        extraArgs = identity.extraArgs ++ extraArgs;
      }
    );

  configFor =
    each:
    pkgs.writeText "iam-ra-${iamRa.storeName each.profile.awsProfileName}-aws-config" (
      iamRa.configText {
        "profile ${each.profile.awsProfileName}" =
          cfg.settings."profile ${each.profile.awsProfileName}"
          // {
            credential_process = "${scriptFor "credential-process" [ ] each}";
          };
      }
    );

  wanted =
    lib.mapAttrsToList (unit: service: {
      inherit unit;
      option = "${path}.services.${unit}.profile";
      inherit (service) profile;
      make = unitFor;
    }) cfg.services
    ++ lib.optional cfg.serve.enable {
      unit = "iam-ra-serve";
      option = "${path}.serve.profile";
      inherit (cfg.serve) profile;
      make = serveUnit;
    };

  unitsOf =
    identity:
    map (each: "${each.unit}.service") (
      builtins.filter (each: map (found: found.identity) (named each.profile) == [ identity ]) wanted
    );

  problemsOf =
    each:
    let
      found = named each.profile;
      identity = (builtins.head found).identity;
      inherit (cfg.identities.${identity}) privateKeyFile;
      certificate = "${cfg.identities.${identity}.certificateFile}";
      of = name: "${path}.identities.${identity}.${name}";
    in
    lib.optional (!iamRa.isUnitName each.unit)
      "${each.option}: `${each.unit}` is not the name of a unit; write it without `.service`."
    ++ (
      if found == [ ] then
        [ "${each.option} is `${each.profile}`, and there is no such AWS profile." ]
      else
        lib.optional (!iamRa.isAbsolute privateKeyFile && !iamRa.isKeyHandle privateKeyFile)
          "${each.option}: systemd cannot read ${of "privateKeyFile"}, ${privateKeyFile}: it must be an absolute path for that."
        ++ lib.optional (!iamRa.isAbsolute certificate)
          "${each.option}: systemd cannot read ${of "certificateFile"}, ${certificate}: it must be an absolute path for that."
    );

  # A name that nobody has is said by an assertion; it must not stop the evaluation before that.
  known = builtins.filter (each: builtins.length (named each.profile) == 1) wanted;

  unitFor =
    each: {
      environment = {
        AWS_CONFIG_FILE = lib.mkDefault "${configFor each}";
        AWS_PROFILE = lib.mkDefault each.profile.awsProfileName;
      };
      serviceConfig.LoadCredential = (credentialsOf each.identity).loadCredential;
    };

  serveUnit =
    each: {
      description = "AWS credentials for local programs, by IAM Roles Anywhere";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      serviceConfig = {
        ExecStart = "${scriptFor "serve" [ "--port" (toString cfg.serve.port) ] each}";
        LoadCredential = (credentialsOf each.identity).loadCredential;
        Restart = "on-failure";
        DynamicUser = true;
        CapabilityBoundingSet = "";
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
        ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
        ];
        UMask = "0077";
      };
    };
in
{
  imports = [ ./system.nix ];

  options.programs.iamRolesAnywhere = {
    services = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.submodule {
          options.profile = lib.mkOption {
            type = types.awsProfileName;
            description = "AWS profile, of any identity, whose credentials the unit gets.";
            example = "backup";
          };
        }
      );
      default = { };
      description = "systemd units, by name without `.service`, that get credentials. Users of any kind, DynamicUser too; the private key stays root's.";
      example = {
        restic-backups-home.profile = "backup";
      };
    };

    serve = {
      enable = lib.mkEnableOption "an endpoint on 127.0.0.1 that speaks EC2's instance metadata protocol. **Every local process can take its role**, so prefer `services`";

      profile = lib.mkOption {
        type = types.awsProfileName;
        description = "AWS profile whose credentials the endpoint gives to everybody.";
        example = "readonly";
      };

      port = lib.mkOption {
        type = lib.types.port;
        default = 9911;
        description = "Port of the endpoint: `AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911/`.";
        example = 9912;
      };
    };
  };

  config = lib.mkIf cfg.enable (
    {
      assertions = map (message: {
        assertion = false;
        inherit message;
      }) (lib.concatMap problemsOf wanted);

      systemd.services = builtins.listToAttrs (
        map (each: lib.nameValuePair each.unit (each.make (builtins.head (named each.profile)))) known
      );
    }
    // lib.optionalAttrs (options ? sops) {
      # The certificate is in the units' scripts, so a new one restarts them; this is for a key that comes later.
      sops.secrets =
        lib.mapAttrs' (name: _: lib.nameValuePair (iamRa.sopsSecret name) { restartUnits = unitsOf name; })
          (lib.filterAttrs (_: identity: identity.keyDelivery == "sops-nix") cfg.identities);
    }
  );
}
