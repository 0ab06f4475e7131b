# The same without flakes, for channels and npins:
#   imports = [ (import ./iam-roles-anywhere).nixosModules.default ];
{
  nixosModules.default = ./nix/modules/nixos.nix;
  darwinModules.default = ./nix/modules/darwin.nix;
  homeModules.default = ./nix/modules/home.nix;
  homeManagerModules.default = ./nix/modules/home.nix;

  lib = import ./nix/lib;
  overlays.default = final: _: { iam-ra = final.callPackage ./nix/package.nix { }; };
}
