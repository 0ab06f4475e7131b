# Daemons.
{ lib, world, ... }:

let
  inherit (world)
    daemons
    fleet
    formerWith
    has
    messages
    nixos
    ofFleet
    own
    sops
    staging
    two
    unit
    unitScript
    value
    web
    with_
    ;
in
{
  unitEnvironment = value (builtins.attrNames (unit daemons "restic").environment ++ [ (unit daemons "restic").environment.AWS_PROFILE ]) [
    "AWS_CONFIG_FILE"
    "AWS_PROFILE"
    "admin"
  ];
  unitConfig = value (has "^\\[profile admin]\ncredential_process = [^\n]*\noutput = json\nregion = eu-central-1\n$" (
    builtins.readFile (unit daemons "restic").environment.AWS_CONFIG_FILE
  )) true;
  unitCredential = value (unit daemons "restic").serviceConfig.LoadCredential [
    "iam-ra-default.key:/run/secrets/iam-ra/default"
  ];
  unitScript = value (
    has "--certificate '${builtins.storeDir}/[a-z0-9]*-iam-ra-default-certificate.pem' .\n  --private-key \"\\$\\{CREDENTIALS_DIRECTORY:\\?}\"'/iam-ra-default.key' " (unitScript daemons "restic")
  ) true;
  unitsRestart = value daemons.config.sops.secrets."iam-ra/default".restartUnits [
    "restic.service"
    "sync.service"
  ];
  unitsRestartOfTheirIdentity =
    let
      system = nixos [
        sops.nixos
        web
        (with_ (two // { services.deploy.profile = "deploy"; }))
      ];
    in
    value (builtins.mapAttrs (_: each: each.restartUnits) system.config.sops.secrets) {
      "iam-ra/production" = [ ];
      "iam-ra/staging" = [ "deploy.service" ];
    };
  # Another certificate is another script, another config file, another unit: a switch restarts it.
  unitsChangeWithTheCertificate =
    let
      fileWith =
        pem:
        let
          outputs = builtins.fromJSON (builtins.readFile (fleet + "/exports/nix/web.json"));
          system = nixos [
            (with_ {
              enable = true;
              identities.default.outputs = outputs // {
                certificate = outputs.certificate // {
                  inherit pem;
                };
              };
              services.restic.profile = "admin";
            })
          ];
        in
        (unit system "restic").environment.AWS_CONFIG_FILE;
    in
    value (fileWith "one" != fileWith "another") true;
  unitCertificateByPath = value
    (unit (nixos [
      (formerWith {
        certificate.certPath = lib.mkForce "/run/100%/cert";
        services.restic.profile = "admin";
      })
    ]) "restic").serviceConfig.LoadCredential
    [
      "iam-ra-default.key:/run/secrets/iam-ra/key"
      "iam-ra-default.crt:/run/100%%/cert"
    ];
  unitKeyInHardware =
    let
      system = nixos [
        web
        (with_ (
          ofFleet
          // {
            certificate.keyPath = "handle:0x81000001";
            services.restic.profile = "admin";
          }
        ))
      ];
    in
    value [
      (unit system "restic").serviceConfig.LoadCredential
      (has "--private-key 'handle:0x81000001' " (unitScript system "restic"))
      (messages system)
    ] [ [ ] true [ ] ];
  unitProblems = value (messages (nixos [
    (formerWith {
      certificate.keyPath = lib.mkForce "$XDG_RUNTIME_DIR/key";
      certificate.certPath = lib.mkForce "$XDG_RUNTIME_DIR/cert";
      services.a.profile = "nobody";
      services."b.service".profile = "admin";
    })
  ])) [
    "programs.iamRolesAnywhere.services.a.profile is `nobody`, and there is no such AWS profile."
    "programs.iamRolesAnywhere.services.b.service.profile: `b.service` is not the name of a unit; write it without `.service`."
    "programs.iamRolesAnywhere.services.b.service.profile: systemd cannot read programs.iamRolesAnywhere.identities.default.privateKeyFile, $XDG_RUNTIME_DIR/key: it must be an absolute path for that."
    "programs.iamRolesAnywhere.services.b.service.profile: systemd cannot read programs.iamRolesAnywhere.identities.default.certificateFile, $XDG_RUNTIME_DIR/cert: it must be an absolute path for that."
  ];
  serveIsOff = value (daemons.config.systemd.services ? iam-ra-serve) false;
  serve =
    let
      system = nixos [
        sops.nixos
        web
        (with_ (
          ofFleet
          // {
            serve = {
              enable = true;
              profile = "readonly";
              port = 9912;
            };
          }
        ))
      ];
      made = unit system "iam-ra-serve";
      script = builtins.readFile made.serviceConfig.ExecStart;
    in
    value [
      (removeAttrs made.serviceConfig [ "ExecStart" ])
      (removeAttrs made [ "serviceConfig" ])
      (has "/bin/aws_signing_helper' serve .\n" script)
      (has "--session-duration 3600 .\n  '--port' .\n  '9912'\n" script)
      (builtins.attrNames system.config.systemd.services)
      system.config.sops.secrets."iam-ra/default".restartUnits
    ] [
      {
        CapabilityBoundingSet = "";
        DynamicUser = true;
        LoadCredential = [ "iam-ra-default.key:/run/secrets/iam-ra/default" ];
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
        Restart = "on-failure";
        RestrictAddressFamilies = [ "AF_INET" "AF_INET6" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [ "@system-service" "~@privileged" ];
        UMask = "0077";
      }
      {
        description = "AWS credentials for local programs, by IAM Roles Anywhere";
        wantedBy = [ "multi-user.target" ];
        wants = [ "network-online.target" ];
        after = [ "network-online.target" ];
      }
      true
      true
      [ "iam-ra-serve" ]
      [ "iam-ra-serve.service" ]
    ];
  servePort = value (own daemons).serve.port 9911;
}
