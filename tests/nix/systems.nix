# NixOS, nix-darwin and home-manager, sops-nix and agenix, as far as our modules touch them. real.nix has the real ones.
{
  lib,
  pkgs ? import ./pkgs.nix { },
}:

let
  modules = ../../nix/modules;

  option = type: default: lib.mkOption { inherit type default; };
  inherit (lib.types)
    anything
    attrsOf
    bool
    listOf
    nullOr
    str
    ;

  assertions = {
    options.assertions = option (listOf anything) [ ];
  };

  system = {
    imports = [ assertions ];
    options = {
      environment = {
        systemPackages = option (listOf anything) [ ];
        variables = option (attrsOf str) { };
      };
      networking.hostName = option (nullOr str) null;
    };
  };
  systemd = {
    options.systemd.services = option (attrsOf anything) { };
  };

  # Secrets, as each system has them.

  secretOf =
    extra:
    lib.types.submodule (
      { name, ... }:
      {
        options = {
          sopsFile = lib.mkOption { type = lib.types.path; };
          key = option str name;
          format = option str "json";
          path = option str "/run/secrets/${name}";
        }
        // extra;
      }
    );
  owner = {
    owner = option (nullOr str) null;
  };
  restartUnits = {
    restartUnits = option (listOf str) [ ];
  };
  stubSops = extra: { options.sops.secrets = option (attrsOf (secretOf extra)) { }; };

  sops = {
    nixos = stubSops (owner // restartUnits);
    darwin = stubSops owner;
    home = stubSops { };
  };

  agenix = {
    options.age.secrets = option (attrsOf (
      lib.types.submodule (
        { name, ... }:
        {
          options = {
            file = lib.mkOption { type = lib.types.path; };
            path = option str "/run/agenix/${name}";
            owner = option str "0";
          };
        }
      )
    )) { };
  };
  # What agenix says in home-manager, to the letter.
  agenixHome = {
    options.age.secrets = option (attrsOf (
      lib.types.submodule (
        { name, ... }:
        {
          options = {
            file = lib.mkOption { type = lib.types.path; };
            path = option str "\${XDG_RUNTIME_DIR}/agenix/${name}";
          };
        }
      )
    )) { };
  };

  # home-manager

  homeStubs = {
    imports = [ assertions ];
    options = {
      home = {
        file = option (attrsOf anything) { };
        packages = option (listOf anything) [ ];
      };
      programs.awscli = {
        enable = option bool false;
        settings = option (attrsOf (attrsOf anything)) { };
      };
    };
  };

  withHomeManager =
    { config, ... }:
    {
      options.home-manager.users = option (attrsOf (
        lib.types.submoduleWith {
          specialArgs = {
            inherit pkgs;
            osConfig = config;
          };
          modules = [ homeStubs ];
        }
      )) { };
    };

  evaluate =
    specialArgs: base: given:
    (lib.evalModules {
      specialArgs = {
        inherit pkgs;
      }
      // specialArgs;
      modules = base ++ given;
    });
in
{
  inherit sops agenix agenixHome withHomeManager;

  nixos = evaluate { } [
    system
    systemd
    (modules + "/nixos.nix")
  ];
  darwin = evaluate { } [
    system
    (modules + "/darwin.nix")
  ];
  home = evaluate { osConfig = null; } [
    homeStubs
    (modules + "/home.nix")
  ];
}
