{
  description = "Declarative certificates, roles and hosts for AWS IAM Roles Anywhere";

  # The only input: whatever else is here must not burden the lock files of those who use it.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      eachSystem =
        make:
        builtins.listToAttrs (
          map
            (system: {
              name = system;
              value = make nixpkgs.legacyPackages.${system};
            })
            [
              "x86_64-linux"
              "aarch64-linux"
              "aarch64-darwin"
            ]
        );

      # Paths, so that a module that is imported twice counts once, and messages name its file.
      homeModule = {
        imports = [ ./nix/modules/home.nix ];
      };

      template = name: description: {
        path = ./nix/templates + "/${name}";
        inherit description;
      };
    in
    {
      nixosModules.default = {
        imports = [ ./nix/modules/nixos.nix ];
      };
      darwinModules.default = {
        imports = [ ./nix/modules/darwin.nix ];
      };
      homeModules.default = homeModule;
      # The name that older configurations use.
      homeManagerModules.default = homeModule;

      lib = import ./nix/lib;

      overlays.default = final: _: { iam-ra = final.callPackage ./nix/package.nix { }; };

      packages = eachSystem (pkgs: rec {
        iam-ra = pkgs.callPackage ./nix/package.nix { };
        default = iam-ra;
      });

      checks = eachSystem (pkgs: {
        package = pkgs.callPackage ./nix/package.nix { };
        modules = pkgs.callPackage ./nix/checks.nix { };
      });

      devShells = eachSystem (pkgs: {
        default = pkgs.callPackage ./nix/shell.nix { };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);

      templates = rec {
        nixos = template "nixos" "A NixOS host with its AWS profiles";
        darwin = template "darwin" "A Mac with its AWS profiles";
        home-manager = template "home-manager" "A home with its AWS profiles, where home-manager stands alone";
        fleet = template "fleet" "iam-ra.yaml and the NixOS hosts of it in one repository";
        default = fleet;
      };
    };
}
