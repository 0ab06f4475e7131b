# Option types that refuse a mistake where it is written, and name themselves in the message.
{ lib }:

let
  iamRa = import ../lib;

  checked =
    name: description: check:
    lib.types.addCheck lib.types.str check // { inherit name description; };
in
rec {
  trustAnchorArn = checked "trustAnchorArn" "ARN of a trust anchor (arn:PARTITION:rolesanywhere:REGION:ACCOUNT:trust-anchor/ID)" iamRa.isTrustAnchorArn;

  profileArn = checked "profileArn" "ARN of a Roles Anywhere profile (arn:PARTITION:rolesanywhere:REGION:ACCOUNT:profile/ID)" iamRa.isProfileArn;

  roleArn = checked "roleArn" "ARN of an IAM role (arn:PARTITION:iam::ACCOUNT:role/NAME)" iamRa.isRoleArn;

  region = checked "region" "AWS region, such as eu-central-1" iamRa.isRegion;

  awsProfileName = checked "awsProfileName" "name of an AWS profile: letters, digits and _.@:/+=,- but not `default`, which `defaultProfile` makes" iamRa.isAwsProfileName;

  # Whoever can read the store, which is everybody, could read a key in it.
  keyLocation = checked "keyLocation" "place of a private key: an absolute path outside the Nix store, written as a string, which may begin with $CREDENTIALS_DIRECTORY, $XDG_RUNTIME_DIR or $HOME; or a handle:0x… or pkcs11:… URI" iamRa.isKeyLocation;

  location = lib.types.either (checked "location" "absolute path, which may begin with $CREDENTIALS_DIRECTORY, $XDG_RUNTIME_DIR or $HOME" iamRa.isLocation) lib.types.path;

  # Roles Anywhere takes 15 minutes to 12 hours.
  sessionDuration = lib.types.nullOr (lib.types.ints.between 900 43200);
}
