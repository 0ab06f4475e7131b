{
  description = "iam-ra.yaml and the NixOS hosts of it in one repository";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    sops-nix.url = "github:Mic92/sops-nix";
    sops-nix.inputs.nixpkgs.follows = "nixpkgs";
    iam-ra.url = "github:igorlg/iam-roles-anywhere";
    iam-ra.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    {
      nixpkgs,
      sops-nix,
      iam-ra,
      ...
    }:
    {
      # A host for each file in exports/nix, which `iam-ra apply` writes. Flakes see it once git does: `git add exports secrets`.
      nixosConfigurations = nixpkgs.lib.genAttrs (iam-ra.lib.hosts ./.) (
        host:
        nixpkgs.lib.nixosSystem {
          modules = [
            sops-nix.nixosModules.sops
            iam-ra.nixosModules.default
            ./configuration.nix
            {
              networking.hostName = host;
              programs.iamRolesAnywhere = {
                enable = true;
                fleet = ./.;
              };
            }
          ];
        }
      );

      devShells = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] (system: {
        default = nixpkgs.legacyPackages.${system}.mkShell {
          packages = [ iam-ra.packages.${system}.default ];
        };
      });
    };
}
