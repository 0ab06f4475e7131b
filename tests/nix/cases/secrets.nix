# Secrets.
{ lib, world, ... }:

let
  inherit (world)
    agenix
    agenixHome
    darwin
    fleet
    fleet-nixos
    former
    former-home
    has
    home
    identityOf
    nixos
    ofAlice
    ofFleet
    profileOf
    scriptOf
    settingsOf
    sops
    value
    web
    withHomeManager
    with_
    ;
in
{
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
}
