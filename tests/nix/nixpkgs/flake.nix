# A stand-in for nixpkgs that holds nothing but what our flake asks of it. Derivations are real ones, and are never built.
{
  outputs =
    { self }:
    let
      lib = import ./lib // {
        makeBinPath = packages: builtins.concatStringsSep ":" (map (package: "${package}/bin") packages);
        optionalString = condition: text: if condition then text else "";
        toLower = builtins.replaceStrings [ "A" "B" "R" ] [ "a" "b" "r" ];
        licenses.mit.spdxId = "MIT";
        fileset = {
          unions = map (path: if builtins.pathExists path then path else throw "${toString path} does not exist");
          toSource = { root, fileset }: builtins.deepSeq fileset root;
        };
      };

      packagesFor =
        system:
        let
          derivationOf =
            name: extra:
            derivation {
              inherit name system;
              builder = "/bin/sh";
            }
            // extra;
          known = names: builtins.listToAttrs (map (name: lib.nameValuePair name (derivationOf name { })) names);
          callPackage =
            file: arguments:
            let
              function = import file;
            in
            function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // arguments);

          pkgs =
            known [
              "age"
              "git"
              "gnumake"
              "go"
              "installShellFiles"
              "nix"
              "nixfmt-tree"
              "openssl"
              "python3"
              "sops"
              "versionCheckHook"
            ]
            // {
              inherit callPackage lib;
              path = ./.;
              mkShell = { packages }: derivationOf "shell" { inherit packages; };
              runCommand =
                name: arguments: script:
                builtins.deepSeq arguments (derivationOf name { inherit script; });
              stdenv = {
                buildPlatform.canExecute = _: true;
                hostPlatform = { };
              };
              python3Packages =
                known [
                  "boto3"
                  "click"
                  "cryptography"
                  "deepdiff"
                  "hatchling"
                  "jinja2"
                  "pydantic"
                  "rich"
                  "ruamel-yaml"
                ]
                // {
                  buildPythonApplication =
                    arguments: derivationOf "${arguments.pname}-${arguments.version}" { inherit arguments; inherit (arguments) meta; };
                };
            };
        in
        pkgs;
    in
    {
      inherit lib;
      legacyPackages = builtins.listToAttrs (
        map (system: lib.nameValuePair system (packagesFor system)) [
          "x86_64-linux"
          "aarch64-linux"
          "aarch64-darwin"
        ]
      );
    };
}
