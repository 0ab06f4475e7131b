# The options of the 2.x series.
{ lib, world, ... }:

let
  inherit (world)
    anchor
    byHand
    darwin
    former-home
    formerWith
    has
    home
    identity
    messages
    nixos
    ofAlice
    own
    profileOf
    scriptOf
    settingsOf
    value
    withHomeManager
    with_
    ;
in
{
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
  formerEnablesAwscli = value former-home.config.programs.awscli.enable true;
  formerIsIdentityDefault = value (own former-home).identities.default.certificateFile "/run/secrets/iam-ra/cert";
}
