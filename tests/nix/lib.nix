# The pure library, in nix-unit's shape: { testX = { expr; expected; }; }. Builtins only.
let
  lib = import ../../nix/lib;
  each = check: list: map check list;
  call = arguments: lib.wrapper (
    {
      helper = "/bin/helper";
      certificate = "/cert";
      privateKey = "/key";
      trustAnchorArn = "anchor";
      profileArn = "profile";
      roleArn = "role";
    }
    // arguments
  );
  lines = text: builtins.filter builtins.isString (builtins.split " \\\\\n  " text);
in
{
  testArnParts = {
    expr = lib.parseArn "arn:aws-us-gov:iam::123456789012:role/path/name";
    expected = {
      partition = "aws-us-gov";
      service = "iam";
      region = "";
      account = "123456789012";
      resource = "role/path/name";
    };
  };
  testNoArn = {
    expr = each lib.parseArn [
      ""
      "arn"
      "arn:aws:iam::1:role/x"
      "arn:azure:iam::123456789012:role/x"
      "arn:aws:iam::123456789012:"
      "arn:aws:iam::123456789012:role/x\n--endpoint"
      "arn:aws:iam::123456789012:role/x y"
      7
    ];
    expected = each (_: null) [ 1 2 3 4 5 6 7 8 ];
  };

  testTrustAnchorArns = {
    expr = each lib.isTrustAnchorArn [
      "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1c2d3e4f-0a1b"
      "arn:aws-cn:rolesanywhere:cn-north-1:123456789012:trust-anchor/a"
      "arn:aws-us-gov:rolesanywhere:us-gov-west-1:123456789012:trust-anchor/a"
      "arn:aws-iso-b:rolesanywhere:us-isob-east-1:123456789012:trust-anchor/a"
      "arn:aws:rolesanywhere::123456789012:trust-anchor/a"
      "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a"
      "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a/b"
      "arn:aws:iam:eu-central-1:123456789012:trust-anchor/a"
    ];
    expected = [ true true true true false false false false ];
  };
  testProfileArns = {
    expr = each lib.isProfileArn [
      "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/admin"
      "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
    ];
    expected = [ true false ];
  };
  testRoleArns = {
    expr = each lib.isRoleArn [
      "arn:aws:iam::123456789012:role/admin"
      "arn:aws-cn:iam::123456789012:role/a/b/c+d=e,f.g@h-i_j"
      "arn:aws:iam:eu-central-1:123456789012:role/admin"
      "arn:aws:iam::123456789012:user/admin"
      "arn:aws:iam::123456789012:role/"
    ];
    expected = [ true true false false false ];
  };
  testRegions = {
    expr = each lib.isRegion [
      "eu-central-1"
      "us-gov-west-1"
      "us-isob-east-1"
      "mx-central-1"
      ""
      "eu"
      "eu-central"
      "EU-CENTRAL-1"
      "eu-central-1 "
    ];
    expected = [ true true true true false false false false false ];
  };

  testProfileNames = {
    expr = each lib.isAwsProfileName [
      "admin"
      "prod/admin@eu.1"
      "default"
      ""
      "my profile"
      "a]"
      "a\nb"
      "a'b"
    ];
    expected = [ true true false false false false false false ];
  };
  testStoreNames = {
    expr = lib.storeName "a/b:c@d,e+f=g_h.i";
    expected = "a-b-c-d-e+f=g_h.i";
  };
  testUnitNames = {
    expr = each lib.isUnitName [
      "restic-backups-home"
      "worker@1"
      "a.service"
      "a b"
      ""
    ];
    expected = [ true true false false false ];
  };
  testConfigKeys = {
    expr = each lib.isConfigKey [
      "cli_pager"
      "credential_process"
      "region"
      "output"
      "a b"
      "a=b"
    ];
    expected = [ true false false false false false ];
  };

  testLocations = {
    expr = each lib.isLocation [
      "/run/key"
      "/run/my keys/key's"
      "\${XDG_RUNTIME_DIR}/agenix/key"
      "$CREDENTIALS_DIRECTORY/key"
      "$HOME/key"
      "$(getconf DARWIN_USER_TEMP_DIR)/agenix/key"
      "key"
      "./key"
      "~/key"
      "$OTHER/key"
      "$HOME"
      "$HOMER/key"
      "$HOME/$(id)"
      "/run/`id`"
      "/run/a\nb"
      ""
    ];
    expected = [
      true true true true true true
      false false false false false false false false false false
    ];
  };
  testKeyLocations = {
    expr = each lib.isKeyLocation [
      "/run/key"
      "handle:0x81000001"
      "pkcs11:token=a;object=b"
      "/nix/store/00000000000000000000000000000000-key"
      "${builtins.storeDir}/key"
      "/nix/../nix/store/key"
      "handle:x"
      "pkcs11:a b"
      ../nix/lib.nix
    ];
    expected = [ true true true false false false false false false ];
  };

  testQuote = {
    expr = lib.quote "a'b c";
    expected = "'a'\\''b c'";
  };
  testQuoteLocation = {
    expr = each lib.quoteLocation [
      "/a b"
      "$XDG_RUNTIME_DIR/it's"
      "\${CREDENTIALS_DIRECTORY}/k"
      "handle:0x1"
      "$HOME/k"
      "\${HOME}/k"
      "$(getconf DARWIN_USER_TEMP_DIR)/k"
    ];
    expected = [
      "'/a b'"
      "\"\${XDG_RUNTIME_DIR:?}\"'/it'\\''s'"
      "\"\${CREDENTIALS_DIRECTORY:?}\"'/k'"
      "'handle:0x1'"
      "\"\${HOME:?}\"'/k'"
      "\"\${HOME:?}\"'/k'"
      "\"$(getconf DARWIN_USER_TEMP_DIR)\"'/k'"
    ];
  };

  testWrapper = {
    expr = lines (call { });
    expected = [
      "exec '/bin/helper' credential-process"
      "--certificate '/cert'"
      "--private-key '/key'"
      "--trust-anchor-arn 'anchor'"
      "--profile-arn 'profile'"
      "--role-arn 'role'\n"
    ];
  };
  testWrapperOptions = {
    expr = builtins.tail (
      lines (call {
        action = "serve";
        sessionDuration = 900;
        extraArgs = [ "--port" "9 9" ];
      })
    );
    expected = [
      "--certificate '/cert'"
      "--private-key '/key'"
      "--trust-anchor-arn 'anchor'"
      "--profile-arn 'profile'"
      "--role-arn 'role'"
      "--session-duration 900"
      "'--port'"
      "'9 9'\n"
    ];
  };

  testConfigText = {
    expr = lib.configText {
      default = {
        a = 1;
        b = true;
        c = false;
      };
      "profile x".region = "eu-central-1";
    };
    expected = "[default]\na = 1\nb = true\nc = false\n\n[profile x]\nregion = eu-central-1\n";
  };
  testLoadCredential = {
    expr = lib.loadCredential "key" "/run/100%/key";
    expected = "key:/run/100%%/key";
  };

  testHosts = {
    expr = lib.hosts ./fleet;
    expected = [
      "age"
      "tpm"
      "web"
    ];
  };
  testNoHosts = {
    expr = lib.hosts ./nixpkgs;
    expected = [ ];
  };
  testHostOutputs = {
    expr = (lib.readHostOutputs (lib.hostOutputsFile ./fleet "web")).privateKey.sops.file;
    expected = "secrets/hosts/web/iam-ra.yaml";
  };
  testSchema = {
    expr = [ lib.schema lib.schemaVersion ];
    expected = [ "iam-ra/host-outputs" 1 ];
  };
}
