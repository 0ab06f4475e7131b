# The modules among the real ones of home-manager, nix-darwin and sops-nix. NixOS itself is too large to be here: its options
# are free-form, but for those that must be read.
{
  lib,
  homeManager,
  nixDarwin,
  sopsNix,
}:

let
  modules = ../../nix/modules;
  fleet = ./fleet;

  inherit (lib) mkOption types;
  anything = default: mkOption {
    type = types.anything;
    inherit default;
  };

  # What home-manager and nix-darwin take from nixpkgs before they look at a configuration.
  pkgs = import ./pkgs.nix { } // {
    inherit lib;
    path = ./nixpkgs;
    awscli2 = package "awscli2";
    sops-install-secrets = package "sops-install-secrets";
    stdenv.hostPlatform = {
      isLinux = true;
      isDarwin = false;
      system = "x86_64-linux";
    };
    formats = formats;
  };
  darwinPkgs = pkgs // {
    stdenv.hostPlatform = {
      isLinux = false;
      isDarwin = true;
      system = "aarch64-darwin";
    };
  };
  package = name: {
    type = "derivation";
    inherit name;
    outPath = "/nix/store/22222222222222222222222222222222-${name}";
    meta.mainProgram = name;
  };
  atom = types.nullOr (types.oneOf [ types.bool types.int types.float types.str ]);
  format = {
    type = types.attrsOf (types.attrsOf atom);
    lib.types.atom = atom;
    generate = name: value: builtins.toFile name (lib.generators.toINI { } value);
  };
  formats = builtins.listToAttrs (
    map (name: lib.nameValuePair name (_: format)) [ "ini" "iniWithGlobalSection" "json" "keyValue" "toml" "yaml" ]
  );

  homeModules =
    (import (homeManager + "/modules/modules.nix") {
      inherit pkgs;
      lib = import (homeManager + "/modules/lib/stdlib-extended.nix") lib;
      useNixpkgsModule = false;
    });

  alice = {
    home-manager.useGlobalPkgs = true;
    home-manager.users.alice = {
      # They need more of nixpkgs than there is.
      disabledModules = [ (homeManager + "/modules/services-modular") ];
      home.stateVersion = "25.11";
    };
  };

  home = given:
    (lib.evalModules {
      class = "homeManager";
      specialArgs = {
        lib = import (homeManager + "/modules/lib/stdlib-extended.nix") lib;
        modulesPath = toString (homeManager + "/modules");
      };
      modules = homeModules ++ [
        (modules + "/home.nix")
        (sopsNix + "/modules/home-manager/sops.nix")
        {
          _module.args = { inherit pkgs; };
          home.username = "alice";
          home.homeDirectory = "/home/alice";
          home.stateVersion = "25.11";
        }
      ] ++ given;
    });

  nixos = given:
    (lib.evalModules {
      class = "nixos";
      specialArgs = {
        utils = { systemdUtils.lib = { }; escapeSystemdPath = path: path; };
        modulesPath = "/nixos";
      };
      modules = [
        {
          config._module.args = { inherit pkgs; };
          options = {
            assertions = anything [ ];
            boot = anything { };
            environment = anything { };
            fonts = anything { };
            i18n = anything { };
            networking.hostName = anything "web";
            nix = anything { enable = false; };
            nixpkgs = anything { };
            security = anything { };
            services.openssh = anything { enable = false; };
            services.userborn = anything { enable = false; };
            system = anything { activationScripts = { }; };
            systemd = {
              services = anything { };
              sysusers = anything { enable = false; };
              tmpfiles = anything { };
              user = anything { };
            };
            warnings = anything [ ];
            users.users = anything {
              alice = {
                name = "alice";
                home = "/home/alice";
                group = "users";
              };
            };
          };
        }
        (modules + "/nixos.nix")
        (sopsNix + "/modules/sops")
        (homeManager + "/nixos")
        alice
      ] ++ given;
    });

  darwin = given:
    (lib.evalModules {
      class = "darwin";
      specialArgs = {
        modulesPath = toString (nixDarwin + "/modules");
        enableNixpkgsReleaseCheck = false;
      };
      modules = import (nixDarwin + "/modules/module-list.nix") ++ [
        (modules + "/darwin.nix")
        (sopsNix + "/modules/nix-darwin")
        (homeManager + "/nix-darwin")
        {
          _module.args.pkgs = lib.mkForce darwinPkgs;
          networking.hostName = "web";
          users.users.alice.home = "/Users/alice";
        }
        alice
      ] ++ given;
    });

  ofFleet = {
    programs.iamRolesAnywhere = {
      enable = true;
      inherit fleet;
    };
  };
  forAlice = { programs.iamRolesAnywhere.user = "alice"; };
  value = expr: expected: { inherit expr expected; };

  at-home = home [ ofFleet { programs.iamRolesAnywhere.host = "web"; } ];
  # home.file itself needs more of nixpkgs than there is.
  file = lib.evalModules {
    specialArgs = { inherit pkgs; osConfig = null; };
    modules = [
      (homeManager + "/modules/programs/awscli.nix")
      (modules + "/home.nix")
      {
        options = {
          assertions = anything [ ];
          home = {
            file = anything { };
            homeDirectory = anything "/home/alice";
            packages = anything [ ];
            username = anything "alice";
          };
          meta = anything { };
        };
      }
      ofFleet
      { programs.iamRolesAnywhere.host = "web"; }
    ];
  };
  on-nixos = nixos [ ofFleet forAlice { programs.iamRolesAnywhere.services.restic.profile = "admin"; } ];
  on-darwin = darwin [ ofFleet forAlice ];
  sections = [ "default" "profile admin" "profile readonly" ];
  secret = system: system.config.sops.secrets."iam-ra/default";
  keyIn = text: builtins.elemAt (builtins.elemAt (builtins.split "--private-key '([^']*)'" text) 1) 0;
  keyOf = settings: keyIn (builtins.readFile settings."profile admin".credential_process);
in
{
  homeSections = value (builtins.attrNames at-home.config.programs.awscli.settings) sections;
  homeKey = value (keyOf at-home.config.programs.awscli.settings) (secret at-home).path;
  homeFile = value (builtins.length (builtins.split "\\[profile admin]\n" (
    builtins.readFile file.config.home.file."/home/alice/.aws/config".source
  ))) 3;
  nixosSections = value (builtins.attrNames on-nixos.config.home-manager.users.alice.programs.awscli.settings) sections;
  nixosKey = value (keyOf on-nixos.config.home-manager.users.alice.programs.awscli.settings) (secret on-nixos).path;
  nixosSecret = value [ (secret on-nixos).owner (secret on-nixos).key (secret on-nixos).restartUnits ] [ "alice" "private_key" [ "restic.service" ] ];
  nixosUnit = value on-nixos.config.systemd.services.restic.environment.AWS_PROFILE "admin";
  darwinSections = value (builtins.attrNames on-darwin.config.home-manager.users.alice.programs.awscli.settings) sections;
  darwinKey = value (keyOf on-darwin.config.home-manager.users.alice.programs.awscli.settings) (secret on-darwin).path;
  darwinSecret = value (secret on-darwin).owner "alice";
}
