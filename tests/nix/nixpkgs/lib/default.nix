# A stand-in for the part of nixpkgs' `lib` that our modules use, for machines that have no nixpkgs: builtins only.
# It is a fake. What keeps it honest: each case of ../../cases must give the same JSON, and each error the same text, with
# the real lib.
let
  inherit (builtins)
    all
    any
    attrNames
    attrValues
    concatLists
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    head
    isAttrs
    isBool
    isFunction
    isInt
    isList
    isPath
    isString
    length
    listToAttrs
    map
    mapAttrs
    removeAttrs
    substring
    tail
    ;

  lib = {
    inherit
      any
      concatMap
      evalModules
      types
      ;

    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: list: if condition then list else [ ];
    optionalAttrs = condition: attrs: if condition then attrs else { };
    nameValuePair = name: value: { inherit name value; };
    mapAttrs' = function: attrs: listToAttrs (lib.mapAttrsToList function attrs);
    mapAttrsToList = function: attrs: map (name: function name attrs.${name}) (attrNames attrs);
    filterAttrs =
      keep: attrs: removeAttrs attrs (filter (name: !keep name attrs.${name}) (attrNames attrs));
    mapAttrsRecursiveCond =
      enter: function:
      let
        walk =
          path:
          mapAttrs (
            name: value:
            if isAttrs value && enter value then
              walk (path ++ [ name ]) value
            else
              function (path ++ [ name ]) value
          );
      in
      walk [ ];
    isDerivation = value: value.type or null == "derivation";
    getExe = package: "${package}/bin/${package.meta.mainProgram}";

    literalExpression = text: {
      _type = "literalExpression";
      inherit text;
    };
    literalMD = text: {
      _type = "literalMD";
      inherit text;
    };

    mkOption = attrs: attrs // { _type = "option"; };
    mkEnableOption =
      what:
      lib.mkOption {
        default = false;
        example = true;
        description = "Whether to enable ${what}.";
        type = types.bool;
      };
    mkPackageOption =
      pkgs: name:
      { }:
      lib.mkOption {
        type = types.package;
        description = "The ${name} package to use.";
        default = pkgs.${name};
        defaultText = lib.literalExpression "pkgs.${name}";
      };
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkOverride = priority: content: {
      _type = "override";
      inherit priority content;
    };
    mkDefinition = attrs: attrs // { _type = "definition"; };
    mkDefault = lib.mkOverride 1000;
    mkForce = lib.mkOverride 50;
  };

  isA = type: value: value._type or null == type;
  unique = foldl' (found: each: if elem each found then found else found ++ [ each ]) [ ];
  last = list: elemAt list (length list - 1);
  namesOf = list: unique (concatMap attrNames list);

  # Messages

  quoted = name: if builtins.match "[A-Za-z_][A-Za-z0-9_'-]*" name == null then builtins.toJSON name else name;
  showOption = loc: concatStringsSep "." (map (part: if part == "<name>" then part else quoted part) loc);
  showDefs =
    defs:
    concatStringsSep "" (
      map (def: "\n- In `${toString def.file}'" + (if isString def.value then ": ${builtins.toJSON def.value}" else "")) defs
    );

  # Types

  scalar = description: check: {
    inherit description check;
    class = "noun";
    merge = mergeEqual;
    getSubOptions = _: { };
  };
  phrase =
    classes: type:
    if elem (type.class or null) classes then type.description else "(${type.description})";

  mergeEqual =
    loc: defs:
    if all (def: def.value == (head defs).value) (tail defs) then
      (head defs).value
    else
      throw "The option `${showOption loc}' has conflicting definition values:${showDefs defs}\nUse `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.";
  mergeOne =
    loc: defs:
    if length defs == 1 then
      (head defs).value
    else
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.";

  isStringLike = value: isString value || isPath value || value ? outPath;
  isDefined = each: each.isDefined;

  types = {
    str = scalar "string" isString;
    bool = scalar "boolean" isBool;
    int = scalar "signed integer" isInt;
    port = scalar "16 bit unsigned integer; between 0 and 65535 (both inclusive)" (
      value: isInt value && value >= 0 && value <= 65535
    );
    ints.between =
      low: high:
      scalar "integer between ${toString low} and ${toString high} (both inclusive)" (
        value: isInt value && value >= low && value <= high
      );
    path = scalar "absolute path" (
      value: isStringLike value && substring 0 1 (toString value) == "/"
    );
    package = scalar "package" (value: lib.isDerivation value || types.path.check value);
    raw = scalar "raw value" (_: true) // {
      merge = mergeOne;
    };
    anything = scalar "anything" (_: true) // {
      merge =
        loc: defs:
        if all (def: isAttrs def.value && !lib.isDerivation def.value) defs then
          (types.attrsOf types.anything).merge loc defs
        else
          mergeEqual loc defs;
    };
    enum =
      values:
      scalar "one of ${concatStringsSep ", " (map builtins.toJSON values)}" (value: elem value values)
      // {
        class = "conjunction";
      };
    addCheck = type: check: type // { check = value: type.check value && check value; };
    nullOr = type: {
      description = "null or ${phrase [ "noun" "conjunction" ] type}";
      class = "conjunction";
      check = value: value == null || type.check value;
      merge =
        loc: defs:
        if all (def: def.value == null) defs then
          null
        else if any (def: def.value == null) defs then
          throw "The option `${showOption loc}' is defined both null and not null, in ${concatStringsSep " and " (map (def: "`${toString def.file}'") defs)}."
        else
          type.merge loc defs;
      inherit (type) getSubOptions;
    };
    either = one: other: {
      description = "${phrase [ "noun" "conjunction" ] one} or ${phrase [ "noun" "conjunction" "composite" ] other}";
      class = "conjunction";
      check = value: one.check value || other.check value;
      merge =
        loc: defs: if all (def: one.check def.value) defs then one.merge loc defs else other.merge loc defs;
      getSubOptions = _: { };
    };
    oneOf = list: foldl' types.either (head list) (tail list);
    listOf = type: {
      description = "list of ${phrase [ "noun" "composite" ] type}";
      class = "composite";
      check = isList;
      merge =
        loc: defs:
        map (each: each.value) (
          filter isDefined (
            concatMap (
              def: map (value: evalDefinitions loc type [ { inherit (def) file; inherit value; } ]) def.value
            ) defs
          )
        );
      getSubOptions = prefix: type.getSubOptions (prefix ++ [ "*" ]);
    };
    attrsOf = type: {
      description = "attribute set of ${phrase [ "noun" "composite" ] type}";
      class = "composite";
      check = isAttrs;
      merge =
        loc: defs:
        let
          pushed = pushAll defs;
          evaluated = listToAttrs (
            map (
              name: lib.nameValuePair name (evalDefinitions (loc ++ [ name ]) type (defsAt name pushed))
            ) (namesOf (map (def: def.value) pushed))
          );
        in
        mapAttrs (_: each: each.value) (lib.filterAttrs (_: isDefined) evaluated);
      getSubOptions = prefix: type.getSubOptions (prefix ++ [ "<name>" ]);
    };
    submodule =
      module:
      types.submoduleWith {
        modules = [ module ];
        shorthandOnlyDefinesConfig = true;
      };
    submoduleWith =
      {
        modules,
        specialArgs ? { },
        shorthandOnlyDefinesConfig ? false,
        ...
      }:
      let
        evaluated =
          loc: definitions:
          evalModules {
            inherit specialArgs;
            prefix = loc;
            modules =
              modules ++ [ { _module.args.name = last loc; } ] ++ definitions;
          };
      in
      {
        description = "submodule";
        check = value: isAttrs value || isFunction value || isPath value;
        merge =
          loc: defs:
          (evaluated loc (
            map (
              def:
              if shorthandOnlyDefinesConfig && isAttrs def.value then
                {
                  _file = def.file;
                  config = def.value;
                }
              else
                def.value
            ) defs
          )).config;
        getSubOptions = prefix: (evaluated prefix [ ]).options;
      };
  };

  # Properties

  # What a value of a set of options holds once its conditions and priorities are moved to its members, unread.
  pushDown =
    value:
    if isA "merge" value then
      concatMap pushDown value.contents
    else if isA "if" value then
      map (mapAttrs (_: lib.mkIf value.condition)) (pushDown value.content)
    else if isA "override" value then
      map (mapAttrs (_: lib.mkOverride value.priority)) (pushDown value.content)
    else
      [ value ];
  pushAll =
    concatMap (
      def:
      map (value: {
        inherit (def) file;
        inherit value;
      }) (pushDown def.value)
    );
  defsAt =
    name: defs:
    map (def: {
      inherit (def) file;
      value = def.value.${name};
    }) (filter (def: def.value ? ${name}) defs);

  discharge =
    value:
    if isA "merge" value then
      concatMap discharge value.contents
    else if isA "if" value then
      (
        if isBool value.condition then
          (if value.condition then discharge value.content else [ ])
        else
          throw "‘mkIf’ called with a non-Boolean condition"
      )
    else
      [ value ];

  evalDefinitions =
    loc: type: defs:
    let
      every = concatMap (
        def:
        map (
          value:
          if isA "definition" value then
            { inherit (value) file value; }
          else
            {
              inherit (def) file;
              inherit value;
            }
        ) (discharge def.value)
      ) defs;
      priority = def: if isA "override" def.value then def.value.priority else 100;
      highestPrio = foldl' (least: def: if priority def < least then priority def else least) 9999 every;
      definitions = map (
        def: if isA "override" def.value then def // { value = def.value.content; } else def
      ) (filter (def: priority def == highestPrio) every);
    in
    {
      inherit definitions highestPrio;
      isDefined = definitions != [ ];
      value =
        if definitions == [ ] then
          throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option."
        else if all (def: type.check def.value) definitions then
          type.merge loc definitions
        else
          throw "A definition for option `${showOption loc}' is not of type `${type.description}'. Definition values:${
            showDefs (filter (def: !type.check def.value) definitions)
          }";
    };

  evalOption =
    loc: option: defs:
    let
      given =
        (
          if option ? default then
            [
              {
                file = option.file;
                value = lib.mkOverride 1500 option.default;
              }
            ]
          else
            [ ]
        )
        ++ defs;
      evaluated =
        if option.readOnly or false && length given > 1 then
          throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${showDefs given}"
        else
          evalDefinitions loc option.type given;
    in
    option
    // {
      inherit loc;
      inherit (evaluated) isDefined highestPrio;
      value = (option.apply or (value: value)) evaluated.value;
      definitionsWithLocations = evaluated.definitions;
    };

  # Modules

  evalTree =
    prefix: declarations: defs:
    let
      pushed = pushAll defs;
      evaluated = listToAttrs (
        map (
          name:
          let
            loc = prefix ++ [ name ];
            declared = map (each: {
              inherit (each) file;
              value = each.value.${name};
            }) (filter (each: each.value ? ${name}) declarations);
            options = filter (each: isA "option" each.value) declared;
          in
          lib.nameValuePair name (
            if length options > 1 then
              throw "The option `${showOption loc}' in `${toString (head options).file}' is already declared in `${toString (last options).file}'."
            else if options != [ ] then
              let
                option = evalOption loc ((head options).value // { inherit (head options) file; }) (
                  defsAt name pushed
                );
              in
              {
                options = option;
                config = option.value;
                unmatched = [ ];
              }
            else
              evalTree loc declared (defsAt name pushed)
          )
        ) (namesOf (map (each: each.value) declarations))
      );
      unknown = filter (name: !evaluated ? ${name}) (namesOf (map (def: def.value) pushed));
    in
    {
      options = mapAttrs (_: each: each.options) evaluated;
      config = mapAttrs (_: each: each.config) evaluated;
      unmatched =
        map (name: {
          loc = prefix ++ [ name ];
          defs = defsAt name pushed;
        }) unknown
        ++ concatMap (each: each.unmatched) (attrValues evaluated);
    };

  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
    }:
    let
      arguments = {
        inherit lib config options;
      }
      // specialArgs;

      load =
        from: module:
        let
          isFile = isPath module || isString module;
          file = if isFile then module else from;
          found = if isFile then import module else module;
          loaded =
            if isFunction found then
              found (mapAttrs (name: _: argumentsOfModules.${name}) (builtins.functionArgs found) // arguments)
            else
              found;
          isFull = loaded ? config || loaded ? options;
          body = removeAttrs loaded [
            "_file"
            "imports"
            "key"
          ];
        in
        [
          {
            key = if isFile then toString module else null;
            file = loaded._file or file;
            options = loaded.options or { };
            config = if isFull then loaded.config or { } else removeAttrs body [ "_module" ];
            args = loaded._module.args or { };
          }
        ]
        ++ concatMap (load (loaded._file or file)) (loaded.imports or [ ]);

      collected = foldl' (
        found: each:
        if each.key != null && any (other: other.key == each.key) found then found else found ++ [ each ]
      ) [ ] (concatMap (load "<unknown-file>") modules);
      argumentsOfModules = foldl' (found: each: found // each.args) { } collected;

      tree = evalTree prefix (map (each: {
        inherit (each) file;
        value = each.options;
      }) collected) (map (each: {
        inherit (each) file;
        value = each.config;
      }) collected);

      inherit (tree) options;
      config =
        if tree.unmatched == [ ] then
          tree.config
        else
          let
            first = head tree.unmatched;
          in
          throw "The option `${showOption first.loc}' does not exist. Definition values:${showDefs first.defs}";
    in
    {
      inherit config options;
    };
in
lib
