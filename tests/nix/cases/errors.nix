# What is wrong by itself stops the evaluation, with the path of the option.
{ lib, world, ... }:

let
  inherit (world)
    anchor
    byHand
    error
    formerWith
    has
    home
    nixos
    ofFleet
    refused
    refusedProfile
    value
    with_
    ;

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
  keyAsPath = refused { privateKeyFile = ./errors.nix; } "${default "privateKeyFile"}`place of a private key";
  keyRelative = refused { privateKeyFile = "key.pem"; } "${default "privateKeyFile"}`place of a private key";
  keyWithCommand = refused { privateKeyFile = "/run/$(id)"; } "${default "privateKeyFile"}`place of a private key";
  certificateRelative = refused { certificateFile = "cert.pem"; } "${default "certificateFile"}`absolute path";
  keyDelivery = refused { keyDelivery = "vault"; } "${default "keyDelivery"}`null or one of";
  misspelt = refused { trustAnchor = anchor; } "option `programs.iamRolesAnywhere.identities.default.trustAnchor' does not exist";
  readOnly = refusedProfile { credentialProcess = "/mine"; } "option `programs.iamRolesAnywhere.identities.default.profiles.admin.credentialProcess' is read-only, but it's set multiple times";
  settingsReadOnly = error (home [
    (formerWith { settings = { }; })
  ]).config.programs.awscli.settings "option `programs.iamRolesAnywhere.settings' is read-only";
  configFileReadOnly = error (home [
    (formerWith { configFile = "/mine"; })
  ]).config.programs.iamRolesAnywhere.configFile "option `programs.iamRolesAnywhere.configFile' is read-only";
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
}
