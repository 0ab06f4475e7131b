{
  description = "A home whose AWS profiles come from the host's certificate";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";
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
      homeConfigurations.alice = home-manager.lib.homeManagerConfiguration {
        pkgs = nixpkgs.legacyPackages.x86_64-linux;
        modules = [
          sops-nix.homeModules.sops
          iam-ra.homeModules.default
          ./home.nix
          {
            programs.iamRolesAnywhere = {
              enable = true;
              inherit fleet;
              # home-manager alone cannot know it: the host's key in iam-ra.yaml.
              host = "web";
            };
          }
        ];
      };
    };
}
