{
  description = "A Mac whose AWS profiles come from its certificate";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";
    nix-darwin.url = "github:nix-darwin/nix-darwin";
    nix-darwin.inputs.nixpkgs.follows = "nixpkgs";
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
      nix-darwin,
      home-manager,
      sops-nix,
      iam-ra,
      fleet,
      ...
    }:
    {
      darwinConfigurations.web = nix-darwin.lib.darwinSystem {
        modules = [
          home-manager.darwinModules.home-manager
          sops-nix.darwinModules.sops
          iam-ra.darwinModules.default
          ./configuration.nix
          {
            programs.iamRolesAnywhere = {
              enable = true;
              user = "alice";
              inherit fleet;
              # The host's key in iam-ra.yaml, whatever macOS calls the machine.
              host = "web";
            };
          }
        ];
      };
    };
}
