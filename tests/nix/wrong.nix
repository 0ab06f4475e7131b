# The names of the cases that do not hold: none, when all is well.
{
  lib ? import ./nixpkgs/lib,
}:

let
  of =
    suite:
    builtins.filter (name: suite.${name}.expr != suite.${name}.expected) (builtins.attrNames suite);
in
of (import ./lib.nix) ++ of (import ./cases { inherit lib; }).values
