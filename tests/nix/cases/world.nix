# What the cases share: systems, fleets, configurations, and what is said of an evaluated system.
{ lib, systems }:

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

  fleet = ../fleet;
  staging = ../staging;

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

  otherPackage = {
    type = "derivation";
    name = "mine";
    outPath = "/nix/store/11111111111111111111111111111111-mine";
    meta.mainProgram = "helper";
  };

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
  inherit
    agenix
    agenixHome
    anchor
    byHand
    daemons
    darwin
    error
    fleet
    fleet-home
    fleet-nixos
    former
    former-home
    formerWith
    has
    home
    identity
    identityOf
    messages
    nixos
    ofAlice
    ofFleet
    otherPackage
    own
    profileOf
    ra
    refused
    refusedProfile
    said
    scriptOf
    settingsOf
    sops
    staging
    two
    unit
    unitScript
    value
    web
    withHomeManager
    with_
    ;
}
