# Every module with every option, as `lib` evaluates them: { values = { X = { expr; expected; }; }; errors = { X = { expr;
# expectedError.msg; }; }; }, in nix-unit's shape. The same cases run on the stand-in and on the real lib.
{
  lib,
  systems ? import ./systems.nix { inherit lib; },
}:

let
  inherit (systems)
    agenix
    agenixHome
    darwin
    home
    nixos
    sops
    withHomeManager
    ;

  fleet = ./fleet;
  staging = ./staging;

  # What tests say of an evaluated system.
  settingsOf = system: system.config.programs.awscli.settings;
  ofAlice = system: system.config.home-manager.users.alice;
  own = system: system.config.programs.iamRolesAnywhere;
  identityOf = system: (own system).identities.default;
  scriptOf = profile: builtins.readFile "${profile.credentialProcess}";
  profileOf = system: name: (identityOf system).profiles.${name};
  messages =
    system: map (each: each.message) (builtins.filter (each: !each.assertion) system.config.assertions);
  has = word: text: builtins.length (builtins.split word text) > 1;

  ra = account: region: "arn:aws:rolesanywhere:${region}:${account}";
  anchor = "${ra "123456789012" "eu-central-1"}:trust-anchor/1c2d3e4f-0a1b-4c3d-8e9f-5d0c4a1b2c3d";
  byHand = name: {
    profileArn = "${ra "123456789012" "eu-central-1"}:profile/${name}";
    roleArn = "arn:aws:iam::123456789012:role/${name}";
  };

  # As users of the 2.x series have it.
  former = {
    enable = true;
    certificate = {
      certPath = "/run/secrets/iam-ra/cert";
      keyPath = "/run/secrets/iam-ra/key";
    };
    trustAnchorArn = anchor;
    region = "ap-southeast-2";
    sessionDuration = 3600;
    profiles = {
      admin = byHand "admin" // {
        makeDefault = true;
      };
      readonly = byHand "readonly" // {
        awsProfileName = "ro";
        sessionDuration = 900;
        output = "table";
        extraConfig = {
          cli_pager = "";
        };
      };
    };
  };
  with_ = changes: { programs.iamRolesAnywhere = changes; };
  formerWith = changes: {
    imports = [
      (with_ former)
      (with_ changes)
    ];
  };
  # The identity `default` by hand, under its full path.
  identity = changes: {
    enable = true;
    identities.default = {
      certificateFile = "/cert";
      privateKeyFile = "/key";
      trustAnchorArn = anchor;
      profiles.admin = byHand "admin";
    }
    // changes;
  };
  ofFleet = {
    enable = true;
    inherit fleet;
  };
  web = { networking.hostName = "web"; };

  value = expr: expected: { inherit expr expected; };
  error = expr: msg: {
    inherit expr;
    expectedError = { inherit msg; };
  };
  refused = changes: msg: error (home [ (with_ (identity changes)) ]).config.programs.awscli.settings msg;
  refusedProfile = changes: refused { profiles.admin = byHand "admin" // changes; };
  said = changes: messages (home [ (with_ changes) ]);

  former-home = home [ (with_ former) ];
  fleet-home = home [ (with_ (ofFleet // { host = "web"; })) ];
  fleet-nixos = nixos [
    withHomeManager
    sops.nixos
    web
    (with_ (ofFleet // { user = "alice"; }))
  ];
  daemons = nixos [
    sops.nixos
    web
    (with_ (
      ofFleet
      // {
        services.restic.profile = "admin";
        services.sync.profile = "readonly";
      }
    ))
  ];
  unit = system: name: system.config.systemd.services.${name};
  unitScript =
    system: name:
    let
      lines = builtins.split "credential_process = ([^\n]*)" (
        builtins.readFile (unit system name).environment.AWS_CONFIG_FILE
      );
    in
    builtins.readFile (builtins.head (builtins.elemAt lines 1));
  two = {
    enable = true;
    identities.production = {
      inherit fleet;
      host = "web";
    };
    identities.staging = {
      fleet = staging;
      host = "web";
    };
  };
in
{
  values = {
    # The options of the 2.x series

    formerSections = value (builtins.attrNames (settingsOf former-home)) [
      "default"
      "profile admin"
      "profile ro"
    ];
    formerSection = value (settingsOf former-home)."profile ro" {
      credential_process = "${(profileOf former-home "readonly").credentialProcess}";
      region = "ap-southeast-2";
      output = "table";
      cli_pager = "";
    };
    formerDefault = value (settingsOf former-home).default (settingsOf former-home)."profile admin";
    formerScript = value (scriptOf (profileOf former-home "admin")) ''
      #!/bin/sh
      exec '/nix/store/00000000000000000000000000000000-aws-signing-helper/bin/aws_signing_helper' credential-process \
        --certificate '/run/secrets/iam-ra/cert' \
        --private-key '/run/secrets/iam-ra/key' \
        --trust-anchor-arn '${anchor}' \
        --profile-arn '${(byHand "admin").profileArn}' \
        --role-arn 'arn:aws:iam::123456789012:role/admin' \
        --session-duration 3600
    '';
    formerDurations = value [
      (has "--session-duration 900\n" (scriptOf (profileOf former-home "readonly")))
      (has "--session-duration" (scriptOf (profileOf (home [ (with_ (identity { })) ]) "admin")))
    ] [ true false ];
    formerProblems = value (messages former-home) [ ];
    formerSystem =
      let
        system = nixos [
          withHomeManager
          (formerWith { user = "alice"; })
        ];
      in
      value (map (name: (ofAlice system).programs.awscli.settings.${name}) [
        "default"
        "profile ro"
      ]) [
        (settingsOf former-home).default
        (settingsOf former-home)."profile ro"
      ];
    formerDarwin =
      let
        system = darwin [
          withHomeManager
          (formerWith { user = "alice"; })
        ];
      in
      value (ofAlice system).programs.awscli.settings."profile admin" (settingsOf former-home)."profile admin";
    formerPackages = value (map (package: package.name) former-home.config.home.packages) [
      "aws-signing-helper"
    ];
    formerIsIdentityDefault = value (own former-home).identities.default.certificateFile "/run/secrets/iam-ra/cert";

    # A fleet

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
          { home-manager.users.alice = { imports = [ ../../nix/modules/home.nix ]; } // with_ ofFleet; }
        ];
      in
      value (ofAlice system).programs.iamRolesAnywhere.identities.default.host "web";

    # Secrets

    sopsSecret = value
      (removeAttrs fleet-nixos.config.sops.secrets."iam-ra/default" [ "sopsFile" ])
      {
        key = "private_key";
        format = "yaml";
        owner = "alice";
        path = "/run/secrets/iam-ra/default";
        restartUnits = [ ];
      };
    sopsFile = value (builtins.readFile fleet-nixos.config.sops.secrets."iam-ra/default".sopsFile) (
      builtins.readFile (fleet + "/secrets/hosts/web/iam-ra.yaml")
    );
    sopsFileAlone = value (map baseNameOf (
      builtins.attrNames (
        builtins.getContext "${fleet-nixos.config.sops.secrets."iam-ra/default".sopsFile}"
      )
    ) == [ (baseNameOf fleet-nixos.config.sops.secrets."iam-ra/default".sopsFile) ]) true;
    sopsPath = value (has "--private-key '/run/secrets/iam-ra/default'" (
      scriptOf (ofAlice fleet-nixos).programs.iamRolesAnywhere.identities.default.profiles.admin
    )) true;
    sopsNotTwice =
      let
        system = nixos [
          withHomeManager
          sops.nixos
          web
          { home-manager.users.alice = sops.home; }
          (with_ (ofFleet // { user = "alice"; }))
        ];
      in
      value (builtins.attrNames (ofAlice system).sops.secrets) [ ];
    sopsOfRootWithoutUser =
      value
        (nixos [ sops.nixos web (with_ ofFleet) ]).config.sops.secrets."iam-ra/default".owner
        null;
    sopsDarwin =
      let
        system = darwin [
          withHomeManager
          sops.darwin
          web
          (with_ (ofFleet // { user = "alice"; }))
        ];
      in
      value (system.config.sops.secrets."iam-ra/default".owner) "alice";
    sopsHome =
      let
        system = home [
          sops.home
          (with_ (ofFleet // { host = "web"; }))
        ];
      in
      value [
        system.config.sops.secrets."iam-ra/default".key
        ((identityOf system).privateKeyFile == system.config.sops.secrets."iam-ra/default".path)
      ] [ "private_key" true ];
    sopsOff =
      let
        system = home [
          sops.home
          (with_ (ofFleet // { host = "web"; }))
          (with_ { identities.default.keyDelivery = null; })
        ];
      in
      value [
        (identityOf system).privateKeyFile
        system.config.sops.secrets
      ] [ "/run/secrets/iam-ra/key" { } ];
    sopsOverridden =
      let
        system = home [
          sops.home
          (with_ (ofFleet // { host = "web"; }))
          { sops.secrets."iam-ra/default".path = "/elsewhere"; }
        ];
      in
      value (identityOf system).privateKeyFile "/elsewhere";
    sopsForByHandIsNotTouched = value (home [ sops.home (with_ former) ]).config.sops.secrets { };
    sopsByHand =
      let
        system = nixos [
          withHomeManager
          sops.nixos
          (
            { config, ... }:
            {
              sops.secrets."iam-ra/cert".sopsFile = fleet + "/secrets/hosts/web/iam-ra.yaml";
              sops.secrets."iam-ra/key".sopsFile = fleet + "/secrets/hosts/web/iam-ra.yaml";
              programs.iamRolesAnywhere = former // {
                user = "alice";
                certificate.certPath = config.sops.secrets."iam-ra/cert".path;
                certificate.keyPath = config.sops.secrets."iam-ra/key".path;
              };
            }
          )
        ];
      in
      value (ofAlice system).programs.awscli.settings (settingsOf former-home);
    agenixSecret =
      let
        system = nixos [
          agenix
          (with_ (
            ofFleet
            // {
              host = "age";
              profiles.readonly.output = "text";
            }
          ))
        ];
      in
      value
        [
          (builtins.readFile system.config.age.secrets.iam-ra-default.file)
          (identityOf system).privateKeyFile
        ]
        [
          (builtins.readFile (fleet + "/secrets/hosts/age/iam-ra-key.age"))
          "/run/agenix/iam-ra-default"
        ];
    agenixOwner =
      let
        system = nixos [
          withHomeManager
          agenix
          (with_ (ofFleet // { host = "age"; user = "alice"; }))
        ];
      in
      value system.config.age.secrets.iam-ra-default.owner "alice";
    agenixInOneLine =
      let
        system = home [
          agenixHome
          (
            { config, ... }:
            {
              age.secrets.mine.file = fleet + "/secrets/hosts/age/iam-ra-key.age";
              programs.iamRolesAnywhere = ofFleet // {
                host = "tpm";
                certificate.keyPath = config.age.secrets.mine.path;
              };
            }
          )
        ];
      in
      value (has "--private-key \"\\$\\{XDG_RUNTIME_DIR:\\?}\"'/agenix/mine'" (
        scriptOf (profileOf system "default")
      )) true;

    # Without home-manager, twice, disabled

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
          ../../nix/modules/nixos.nix
          { imports = [ ../../nix/modules/nixos.nix ]; }
          withHomeManager
          { home-manager.users.alice.imports = [ ../../nix/modules/home.nix ]; }
          (formerWith { user = "alice"; })
        ];
      in
      value (ofAlice system).programs.awscli.settings (settingsOf former-home);
    disabled =
      let
        dear = builtins.removeAttrs former [ "enable" ];
        system =
          (import ./systems.nix {
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

    # Other people's options

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

    # Shorthands

    shorthandPriorities =
      let
        system = home [
          (with_ former)
          (with_ { trustAnchorArn = lib.mkForce "${anchor}-forced"; })
          (with_ { region = lib.mkDefault "eu-west-1"; })
          (with_ { identities.default.region = "eu-west-3"; })
          (with_ { profiles.admin.output = lib.mkForce "text"; })
          (with_ { identities.default.profiles.admin.output = "table"; })
        ];
      in
      value [
        (identityOf system).trustAnchorArn
        (profileOf system "admin").output
      ] [ "${anchor}-forced" "text" ];
    shorthandDefaultYields =
      let
        system = home [
          (with_ (builtins.removeAttrs former [ "region" ]))
          (with_ { region = lib.mkDefault "eu-west-1"; })
          (with_ { identities.default.region = "eu-west-3"; })
        ];
      in
      value (identityOf system).region "eu-west-3";
    regionOfTheAnchor = value (identityOf (home [ (with_ (identity { })) ])).region "eu-central-1";
    packageAndArguments =
      let
        system = home [
          (with_ (
            former
            // {
              package = {
                type = "derivation";
                name = "mine";
                outPath = "/nix/store/11111111111111111111111111111111-mine";
                meta.mainProgram = "helper";
              };
            }
          ))
          (with_ { identities.default.extraArgs = [ "--pkcs11-lib" "/a b" ]; })
        ];
      in
      value [
        (has "exec '/nix/store/11111111111111111111111111111111-mine/bin/helper' " (scriptOf (profileOf system "admin")))
        (has "'--pkcs11-lib' .\n  '/a b'\n" (scriptOf (profileOf system "admin")))
      ] [ true true ];
    quotedPaths =
      let
        system = home [
          (with_ (identity {
            certificateFile = "/my certs/it's";
            privateKeyFile = "$CREDENTIALS_DIRECTORY/a b";
          }))
        ];
        script = scriptOf (profileOf system "admin");
      in
      value [
        (has "--certificate '/my certs/it'.''s' " script)
        (has "--private-key \"\\$\\{CREDENTIALS_DIRECTORY:\\?}\"'/a b' " script)
      ] [ true true ];
    certificateAsAPath = value (has "-web.json'" (
      scriptOf (profileOf (home [ (with_ (identity { certificateFile = fleet + "/exports/nix/web.json"; })) ]) "admin")
    )) true;
    extraConfigScalars = value (builtins.removeAttrs
      (settingsOf (home [
        (with_ (identity {
          profiles.admin = byHand "admin" // {
            extraConfig = {
              max_attempts = 5;
              use_fips_endpoint = true;
            };
          };
        }))
      ]))."profile admin"
      [ "credential_process" ]
    ) {
      region = "eu-central-1";
      output = "json";
      max_attempts = 5;
      use_fips_endpoint = true;
    };

    # Several accounts

    severalAccounts =
      let
        system = home [ (with_ two) ];
      in
      value {
        sections = builtins.mapAttrs (_: each: each.region) (settingsOf system);
        problems = messages system;
        partition = has "--role-arn 'arn:aws-cn:iam::210987654321:role/" (
          scriptOf (own system).identities.staging.profiles.deploy
        );
      } {
        sections = {
          "profile admin" = "eu-central-1";
          "profile readonly" = "eu-central-1";
          "profile deploy" = "cn-north-1";
        };
        problems = [ ];
        partition = true;
      };
    severalAccountsOneDefault =
      let
        system = home [ (with_ (two // { defaultProfile = "deploy"; })) ];
      in
      value (settingsOf system).default (settingsOf system)."profile deploy";
    severalSecrets = value (builtins.attrNames
      (nixos [
        sops.nixos
        web
        (with_ two)
      ]).config.sops.secrets
    ) [
      "iam-ra/production"
      "iam-ra/staging"
    ];
    noDefault = value (builtins.attrNames
      (settingsOf (home [
        (with_ (
          ofFleet
          // {
            host = "web";
            defaultProfile = null;
          }
        ))
      ]))
    ) [ "profile admin" "profile readonly" ];

    # Daemons

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
        made.serviceConfig.DynamicUser
        made.serviceConfig.NoNewPrivileges
        made.serviceConfig.LoadCredential
        (has "/bin/aws_signing_helper' serve .\n" script)
        (has "--session-duration 3600 .\n  '--port' .\n  '9912'\n" script)
        (builtins.attrNames system.config.systemd.services)
        system.config.sops.secrets."iam-ra/default".restartUnits
      ] [
        true
        true
        [ "iam-ra-default.key:/run/secrets/iam-ra/default" ]
        true
        true
        [ "iam-ra-serve" ]
        [ "iam-ra-serve.service" ]
      ];
    servePort = value (own daemons).serve.port 9911;

    # Assertions

    problemNothing = value (said { enable = true; }) [
      "programs.iamRolesAnywhere.identities is empty: set programs.iamRolesAnywhere.fleet, or describe an identity."
    ];
    problemNoProfile = value (said (identity { profiles = { }; })) [
      "programs.iamRolesAnywhere.identities.default.profiles is empty: set `fleet`, or write at least one profile."
    ];
    problemIdentityName = value (said {
      enable = true;
      identities."a b" = (identity { }).identities.default;
    }) [ "programs.iamRolesAnywhere.identities.a b: an identity's name is made of letters, digits, `-` and `_`." ];
    problemSameName = value (said (
      two
      // {
        identities = two.identities // {
          staging = two.identities.staging // {
            profiles.deploy.awsProfileName = "admin";
          };
        };
      }
    )) [
      "The AWS profile `admin` is made by programs.iamRolesAnywhere.identities.production.profiles.admin and programs.iamRolesAnywhere.identities.staging.profiles.deploy: set awsProfileName of one of them."
    ];
    problemUnknownDefault = value (said (identity { } // { defaultProfile = "nobody"; })) [
      "programs.iamRolesAnywhere.defaultProfile is `nobody`, and there is no such AWS profile: admin."
    ];
    problemTwoDefaults = value (said (identity {
      profiles.admin = byHand "admin" // {
        makeDefault = true;
      };
      profiles.other = byHand "other" // {
        makeDefault = true;
      };
    })) [
      "makeDefault is set in programs.iamRolesAnywhere.identities.default.profiles.admin and programs.iamRolesAnywhere.identities.default.profiles.other, and the default profile is `admin`: there is one at most."
    ];
    problemArns = value (said (identity {
      profiles.admin = {
        profileArn = "arn:aws-cn:rolesanywhere:cn-north-1:210987654321:profile/a";
        roleArn = "arn:aws-cn:iam::210987654321:role/a";
      };
    })) (map (each: "programs.iamRolesAnywhere.identities.default.profiles.admin.${each}: all three ARNs must come from one namespace.") [
      "profileArn has the partition aws-cn, and the trust anchor aws"
      "profileArn has the region cn-north-1, and the trust anchor eu-central-1"
      "profileArn has the account 210987654321, and the trust anchor 123456789012"
      "roleArn has the partition aws-cn, and the trust anchor aws"
      "roleArn has the account 210987654321, and the trust anchor 123456789012"
    ]);
    problemExtraConfig = value (said (identity {
      profiles.admin = byHand "admin" // {
        extraConfig = {
          "a b" = 1;
          cli_pager = "less\nregion = x";
          credential_process = "mine";
          region = "eu-west-1";
        };
      };
    })) [
      "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.a b is not a key of an AWS config file: letters, digits and underscores."
      "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.credential_process is made by iam-ra: remove it."
      "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.region is made by iam-ra: set programs.iamRolesAnywhere.identities.default.profiles.admin.region."
      "programs.iamRolesAnywhere.identities.default.profiles.admin.extraConfig.cli_pager must be one line."
    ];
  };

  # What is wrong by itself stops the evaluation, with the path of the option.
  errors =
    let
      at = option: "option `programs.iamRolesAnywhere.${option}' is not of type ";
      profile = option: at "identities.default.profiles.admin.${option}";
      default = option: at "identities.default.${option}";
    in
    {
      trustAnchorArn = refused { trustAnchorArn = "arn:aws:iam::123456789012:role/x"; } "${default "trustAnchorArn"}`ARN of a trust anchor";
      trustAnchorArnShort = error (home [
        (formerWith { trustAnchorArn = lib.mkForce "arn"; })
      ]).config.programs.awscli.settings "${at "trustAnchorArn"}`ARN of a trust anchor";
      profileArn = refusedProfile { profileArn = "arn:aws:rolesanywhere:eu-central-1:1:profile/x"; } "${profile "profileArn"}`ARN of a Roles Anywhere profile";
      roleArn = refusedProfile { roleArn = "arn:aws:iam::123456789012:role/x --endpoint http://evil"; } "${profile "roleArn"}`ARN of an IAM role";
      roleArnLine = refusedProfile { roleArn = "arn:aws:iam::123456789012:role/x\n[default]"; } "${profile "roleArn"}`ARN of an IAM role";
      roleArnMissing = refused { profiles.admin.profileArn = (byHand "admin").profileArn; } "option `programs.iamRolesAnywhere.identities.default.profiles.admin.roleArn' was accessed but has no value defined";
      region = refused { region = ""; } "${default "region"}`AWS region";
      profileRegion = refusedProfile { region = "Frankfurt"; } "${profile "region"}`AWS region";
      durationShort = refused { sessionDuration = 899; } "${default "sessionDuration"}`null or integer between 900 and 43200";
      durationLong = refusedProfile { sessionDuration = 43201; } "${profile "sessionDuration"}`null or integer between 900 and 43200";
      nameWithBlank = refusedProfile { awsProfileName = "my profile"; } "${profile "awsProfileName"}`name of an AWS profile";
      nameDefault = refusedProfile { awsProfileName = "default"; } "${profile "awsProfileName"}`name of an AWS profile";
      output = refusedProfile { output = "xml"; } "${profile "output"}`one of";
      extraConfig = refusedProfile { extraConfig.a = [ "b" ]; } "profiles.admin.extraConfig.a' is not of type ";
      keyInStore = refused { privateKeyFile = "/nix/store/00000000000000000000000000000000-key"; } "${default "privateKeyFile"}`place of a private key: an absolute path outside the Nix store";
      keyInStoreShort = error (home [
        (formerWith { certificate.keyPath = lib.mkForce "/nix/store/00000000000000000000000000000000-key"; })
      ]).config.programs.awscli.settings "${at "certificate.keyPath"}`place of a private key";
      keyAsPath = refused { privateKeyFile = ./cases.nix; } "${default "privateKeyFile"}`place of a private key";
      keyRelative = refused { privateKeyFile = "key.pem"; } "${default "privateKeyFile"}`place of a private key";
      keyWithCommand = refused { privateKeyFile = "/run/$(id)"; } "${default "privateKeyFile"}`place of a private key";
      certificateRelative = refused { certificateFile = "cert.pem"; } "${default "certificateFile"}`absolute path";
      keyDelivery = refused { keyDelivery = "vault"; } "${default "keyDelivery"}`null or one of";
      misspelt = refused { trustAnchor = anchor; } "option `programs.iamRolesAnywhere.identities.default.trustAnchor' does not exist";
      readOnly = refusedProfile { credentialProcess = "/mine"; } "option `programs.iamRolesAnywhere.identities.default.profiles.admin.credentialProcess' is read-only, but it's set multiple times";
      settingsReadOnly = error (home [
        (formerWith { settings = { }; })
      ]).config.programs.awscli.settings "option `programs.iamRolesAnywhere.settings' is read-only";
      port = error (nixos [
        (formerWith { serve.port = 70000; })
      ]).config.programs.iamRolesAnywhere.serve.port "${at "serve.port"}`16 bit unsigned integer";
      defaultProfile = error (home [
        (formerWith { defaultProfile = "default"; })
      ]).config.programs.awscli.settings "${at "defaultProfile"}`null or name of an AWS profile";
      outputsMissing = error (home [
        (with_ (ofFleet // { host = "nobody"; }))
      ]).config.programs.awscli.settings "exports/nix/nobody.json does not exist. Run `iam-ra apply` in the fleet's folder, then `git add exports`";
      outputsOfAnother = refused { outputs.schema = "other"; } "identities.default.outputs is not a host's outputs: its `schema` is not iam-ra/host-outputs";
      outputsNewer = refused {
        outputs = {
          schema = "iam-ra/host-outputs";
          schemaVersion = 2;
        };
      } "has schemaVersion 2, and this iam-ra reads 1: update the iam-ra input";
      hostUnknown = error (home [ (with_ ofFleet) ]).config.programs.awscli.settings "identities.default.host is not set, and networking.hostName does not say it either";
    };
}
