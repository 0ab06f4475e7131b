# Every module with every option, as `lib` evaluates them: { values = { X = { expr; expected; }; }; errors = { X = { expr;
# expectedError.msg; }; }; }, in nix-unit's shape. The same cases run on the stand-in and on the real lib.
{
  lib,
  systems ? import ../systems.nix { inherit lib; },
}:

let
  world = import ./world.nix { inherit lib systems; };
  from = file: import file { inherit lib world; };
in
{
  values =
    from ./former.nix
    // from ./fleet.nix
    // from ./secrets.nix
    // from ./without.nix
    // from ./others.nix
    // from ./options.nix
    // from ./accounts.nix
    // from ./daemons.nix
    // from ./problems.nix;
  errors = from ./errors.nix;
}
