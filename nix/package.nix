# The `iam-ra` command. Version and dependencies are those of the Python project, so nothing is written twice.
{
  lib,
  stdenv,
  python3Packages,
  installShellFiles,
  versionCheckHook,
  age,
  git,
  sops,
}:

let
  inherit (builtins)
    fromTOML
    head
    map
    match
    readFile
    replaceStrings
    ;

  project = (fromTOML (readFile ../pyproject.toml)).project;
  version = head (match ''.*__version__ = "([^"]+)".*'' (readFile ../src/iam_ra/__init__.py));

  # "ruamel.yaml[oldlibyaml]>=0.19,<0.20" is python3Packages.ruamel-yaml.
  attributeOf =
    requirement:
    replaceStrings [ "." "_" ] [ "-" "-" ] (lib.toLower (head (match "([A-Za-z0-9._-]+).*" requirement)));
in
python3Packages.buildPythonApplication {
  pname = project.name;
  inherit version;
  pyproject = true;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../README.md
      ../iam-ra.yaml.example
      ../pyproject.toml
      ../src
      ../templates
    ];
  };

  build-system = [ python3Packages.hatchling ];
  dependencies = map (requirement: python3Packages.${attributeOf requirement}) project.dependencies;
  # nixpkgs has one version of each, often newer than our upper bounds.
  pythonRelaxDeps = true;

  nativeBuildInputs = [ installShellFiles ];
  nativeCheckInputs = [ versionCheckHook ];
  pythonImportsCheck = [ "iam_ra" ];

  # Behind the user's own PATH: whoever has a sops of their own keeps it.
  makeWrapperArgs = [
    "--suffix"
    "PATH"
    ":"
    (lib.makeBinPath [
      age
      git
      sops
    ])
  ];

  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    for shell in bash zsh fish; do
      _IAM_RA_COMPLETE=''${shell}_source $out/bin/iam-ra > iam-ra.$shell
    done
    installShellCompletion iam-ra.{bash,zsh,fish}
  '';

  meta = {
    inherit (project) description;
    homepage = "https://github.com/igorlg/iam-roles-anywhere";
    changelog = "https://github.com/igorlg/iam-roles-anywhere/blob/main/CHANGELOG.md";
    license = lib.licenses.mit;
    mainProgram = "iam-ra";
  };
}
