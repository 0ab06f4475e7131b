# Every option of every module as documentation shows it, and each example held against its option's type.
{
  lib,
  systems ? import ./systems.nix { inherit lib; },
}:

let
  isOption = value: value._type or null == "option";

  flat =
    tree:
    lib.concatMap (
      name:
      let
        option = tree.${name};
      in
      if name == "_module" then
        [ ]
      else if !isOption option then
        flat option
      else if option.internal or false then
        [ ]
      else
        [ option ] ++ flat (option.type.getSubOptions option.loc)
    ) (builtins.attrNames tree);

  shown =
    value:
    if value._type or null == "literalExpression" then
      { nix = value.text; }
    else if value._type or null == "literalMD" then
      { markdown = value.text; }
    else
      { inherit value; };

  described =
    option:
    {
      name = builtins.concatStringsSep "." option.loc;
      type = option.type.description;
      inherit (option) description;
      readOnly = option.readOnly or false;
    }
    // lib.optionalAttrs (option ? default || option ? defaultText) {
      default = shown (option.defaultText or option.default);
    }
    // lib.optionalAttrs (option ? example) {
      example = shown option.example;
      exampleHolds = option.example ? _type || option.type.check option.example;
    };

  of = system: map described (flat (system [ ]).options.programs.iamRolesAnywhere);
in
{
  nixos = of systems.nixos;
  darwin = of systems.darwin;
  home = of systems.home;
}
