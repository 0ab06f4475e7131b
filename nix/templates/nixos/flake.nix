{
  description = "A NixOS host whose AWS profiles come from its certificate";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    home-manager.url = "github:nix-community/home-manager";
    home-manager.inputs.nixpkgs.follows = "nixpkgs";
    sops-nix.url = "github:Mic92/sops-nix";
    sops-nix.inputs.nixpkgs.follows = "nixpkgs";
    iam-ra.url = "github:igorlg/iam-roles-anywhere";
    iam-ra.inputs.nixpkgs.follows = "nixpkgs";
    # The repository of iam-ra.yaml.
    fleet.url = "git+ssh://git@github.com/your-organisation/fleet";
    fleet.flake = false;
  };

  outputs =
    {
      nixpkgs,
      home-manager,
      sops-nix,
      iam-ra,
      fleet,
      ...
    }:
    {
      nixosConfigurations.web = nixpkgs.lib.nixosSystem {
        modules = [
          home-manager.nixosModules.home-manager
          sops-nix.nixosModules.sops
          iam-ra.nixosModules.default
          ./configuration.nix
          {
            programs.iamRolesAnywhere = {
              enable = true;
              user = "alice";
              inherit fleet;
            };
          }
        ];
      };
    };
}
