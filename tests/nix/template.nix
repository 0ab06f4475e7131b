# A template's outputs: its configurations with the AWS profiles of each.
{ folder, fleet }:

let
  lib = import ./nixpkgs/lib;
  systems = import ./systems.nix { inherit lib; };
  iam-ra = import ../../default.nix;

  names = system: map lastWord (builtins.attrNames system.config.programs.iamRolesAnywhere.settings);
  lastWord = text: builtins.elemAt (builtins.match "(profile )?(.*)" text) 1;

  outputs = (import (folder + "/flake.nix")).outputs {
    self = { };
    inherit fleet;
    nixpkgs = {
      lib = {
        nixosSystem = { modules }: systems.nixos modules;
        genAttrs = names: make: builtins.listToAttrs (map (name: lib.nameValuePair name (make name)) names);
      };
      legacyPackages.x86_64-linux = { };
    };
    nix-darwin.lib.darwinSystem = { modules }: systems.darwin modules;
    home-manager = {
      lib.homeManagerConfiguration = { pkgs, modules }: builtins.seq pkgs (systems.home modules);
      nixosModules.home-manager = systems.withHomeManager;
      darwinModules.home-manager = systems.withHomeManager;
    };
    sops-nix = {
      nixosModules.sops = systems.sops.nixos;
      darwinModules.sops = systems.sops.darwin;
      homeModules.sops = systems.sops.home;
    };
    inherit iam-ra;
  };
in
builtins.mapAttrs (_: builtins.mapAttrs (_: names)) (builtins.removeAttrs outputs [ "devShells" ])
