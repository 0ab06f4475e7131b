# What `make test` needs; Python packages come from constraints.txt into .venv, as everywhere else.
{
  mkShell,
  age,
  git,
  gnumake,
  go,
  nix,
  openssl,
  python3,
  sops,
}:

mkShell {
  packages = [
    age
    git
    gnumake
    go
    nix
    openssl
    python3
    sops
  ];
}
