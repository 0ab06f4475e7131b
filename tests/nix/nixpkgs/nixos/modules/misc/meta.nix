# What home-manager imports from nixpkgs.
{ lib, ... }:
{
  options.meta = lib.mkOption {
    type = lib.types.anything;
    default = { };
  };
}
