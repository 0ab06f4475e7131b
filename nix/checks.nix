# The cases of tests/nix on the real nixpkgs. They read the files that they make, so they have a store of their own.
{
  path,
  nix,
  runCommand,
}:

runCommand "iam-ra-modules"
  {
    nativeBuildInputs = [ nix ];
    checkout = ../.;
    lib = path + "/lib";
  }
  ''
    export NIX_STORE_DIR=$TMPDIR/store NIX_STATE_DIR=$TMPDIR/state NIX_LOG_DIR=$TMPDIR/log NIX_CONF_DIR=$TMPDIR
    wrong=$(nix-instantiate --read-write-mode --eval --strict --arg lib "import $lib" $checkout/tests/nix/wrong.nix)
    echo "cases that do not hold: $wrong"
    [ "$wrong" = "[ ]" ] && touch $out
  ''
