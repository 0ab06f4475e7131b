# The rules of iam-ra's modules as pure functions: builtins only, so that they can be used and tested without nixpkgs.
let
  inherit (builtins)
    any
    attrNames
    concatStringsSep
    elem
    elemAt
    filter
    fromJSON
    head
    isAttrs
    isString
    length
    match
    pathExists
    readDir
    readFile
    replaceStrings
    stringLength
    substring
    tail
    ;

  schema = "iam-ra/host-outputs";
  schemaVersion = 1;

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  hasSuffix =
    suffix: text:
    let
      start = stringLength text - stringLength suffix;
    in
    start >= 0 && substring start (stringLength suffix) text == suffix;
  removePrefix = prefix: text: substring (stringLength prefix) (stringLength text) text;
  isPlain = text: match "[^[:cntrl:]]*" text != null;

  # ARNs

  # { partition, service, region, account, resource }, or null for what is no ARN.
  parseArn =
    text:
    let
      parts =
        if isString text then
          match "arn:(aws(-[a-z]+)*):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}):([!-~]+)" text
        else
          null;
    in
    if parts == null then
      null
    else
      {
        partition = elemAt parts 0;
        service = elemAt parts 2;
        region = elemAt parts 3;
        account = elemAt parts 4;
        resource = elemAt parts 5;
      };

  isArnOf =
    service: resource: text:
    let
      arn = parseArn text;
    in
    arn != null
    && arn.service == service
    && (if service == "iam" then arn.region == "" else isRegion arn.region)
    && match resource arn.resource != null;

  isTrustAnchorArn = isArnOf "rolesanywhere" "trust-anchor/[A-Za-z0-9-]+";
  isProfileArn = isArnOf "rolesanywhere" "profile/[A-Za-z0-9-]+";
  isRoleArn = isArnOf "iam" "role/[A-Za-z0-9_+=,.@/-]+";
  isRegion = text: isString text && match "[a-z]{2,4}(-[a-z]+)+-[0-9]+" text != null;

  # Names

  # `[default]` and `[profile default]` are read differently by different SDKs, so only `defaultProfile` makes one.
  isAwsProfileName =
    text: isString text && match "[A-Za-z0-9_.@:/+=,-]+" text != null && text != "default";
  isIdentityName = text: match "[A-Za-z0-9_-]+" text != null;
  isUnitName = text: match "[A-Za-z0-9:_.@\\-]+" text != null && !hasSuffix ".service" text;

  # What a name of the store may not hold.
  storeName = replaceStrings [ "/" ":" "@" "," ] [ "-" "-" "-" "-" ];

  # Where files are on a host

  # What a path may begin with besides `/`; a wrapper expands it when it runs.
  variables = {
    "$CREDENTIALS_DIRECTORY" = "\${CREDENTIALS_DIRECTORY:?}";
    "\${CREDENTIALS_DIRECTORY}" = "\${CREDENTIALS_DIRECTORY:?}";
    "$XDG_RUNTIME_DIR" = "\${XDG_RUNTIME_DIR:?}";
    "\${XDG_RUNTIME_DIR}" = "\${XDG_RUNTIME_DIR:?}";
    "$HOME" = "\${HOME:?}";
    "\${HOME}" = "\${HOME:?}";
    "$(getconf DARWIN_USER_TEMP_DIR)" = "$(getconf DARWIN_USER_TEMP_DIR)";
  };
  variableOf =
    text:
    let
      found = filter (each: hasPrefix "${each}/" text) (attrNames variables);
    in
    if found == [ ] then null else head found;

  isAbsolute = text: isString text && hasPrefix "/" text && match "[^[:cntrl:]$`]*" text != null;
  isLocation =
    text:
    let
      variable = variableOf text;
    in
    isAbsolute text
    || (isString text && variable != null && isAbsolute (removePrefix variable text));
  isInStore = text: hasPrefix "${builtins.storeDir}/" text || hasPrefix "/nix/store/" text;
  isKeyHandle =
    text:
    isString text
    && (match "handle:0x[0-9A-Fa-f]+" text != null || match "pkcs11:[!-~]+" text != null);
  isKeyLocation =
    text: isKeyHandle text || (isLocation text && !isInStore text && match ".*/\\.\\.(/.*)?" text == null);

  # Wrappers

  quote = text: "'${replaceStrings [ "'" ] [ "'\\''" ] text}'";
  quoteLocation =
    text:
    let
      variable = variableOf text;
    in
    if variable == null then
      quote text
    else
      "\"${variables.${variable}}\"${quote (removePrefix variable text)}";

  # The text of a script that runs AWS's helper; no word of it is seen by the AWS config file.
  wrapper =
    {
      helper,
      action ? "credential-process",
      certificate,
      privateKey,
      trustAnchorArn,
      profileArn,
      roleArn,
      sessionDuration ? null,
      extraArgs ? [ ],
    }:
    concatStringsSep " \\\n  " (
      [
        "exec ${quote helper} ${action}"
        "--certificate ${quoteLocation certificate}"
        "--private-key ${quoteLocation privateKey}"
        "--trust-anchor-arn ${quote trustAnchorArn}"
        "--profile-arn ${quote profileArn}"
        "--role-arn ${quote roleArn}"
      ]
      ++ (if sessionDuration == null then [ ] else [ "--session-duration ${toString sessionDuration}" ])
      ++ map quote extraArgs
    )
    + "\n";

  # The AWS config file

  reservedKeys = [
    "credential_process"
    "output"
    "region"
  ];
  isConfigKey = text: match "[A-Za-z0-9_]+" text != null && !elem text reservedKeys;
  isConfigValue = value: !isString value || isPlain value;

  # Sections of an AWS config file, { NAME = { KEY = scalar; }; }, as text.
  configText =
    sections:
    concatStringsSep "\n" (
      map (
        name:
        "[${name}]\n"
        + concatStringsSep "" (
          map (key: "${key} = ${scalar sections.${name}.${key}}\n") (attrNames sections.${name})
        )
      ) (attrNames sections)
    );
  scalar =
    value:
    if value == true then
      "true"
    else if value == false then
      "false"
    else
      toString value;

  # Secrets, as sops-nix and agenix name them

  sopsSecret = identity: "iam-ra/${identity}";
  ageSecret = identity: "iam-ra-${identity}";

  # systemd expands `%` in a LoadCredential line.
  loadCredential = name: path: "${name}:${replaceStrings [ "%" ] [ "%%" ] path}";

  # Host outputs

  # `fleet + "/x"`, never a string with `fleet` in it: that would copy the whole folder into the store.
  hostOutputsFile = fleet: host: fleet + "/exports/nix/${host}.json";

  checkHostOutputs =
    place: outputs:
    if !isAttrs outputs || outputs.schema or null != schema then
      throw "iam-ra: ${place} is not a host's outputs: its `schema` is not ${schema}. `iam-ra apply` writes such files into exports/nix."
    else if outputs.schemaVersion or 0 != schemaVersion then
      throw "iam-ra: ${place} has schemaVersion ${toString (outputs.schemaVersion or 0)}, and this iam-ra reads ${toString schemaVersion}: update the iam-ra input and the iam-ra command to one version."
    else
      outputs;

  readHostOutputs =
    file:
    if pathExists file then
      checkHostOutputs (toString file) (fromJSON (readFile file))
    else
      throw "iam-ra: ${toString file} does not exist. Run `iam-ra apply` in the fleet's folder, then `git add exports`: flakes see only files that git knows.";

  # The hosts that a fleet has outputs for: names, in the order of the alphabet.
  hosts =
    fleet:
    let
      folder = fleet + "/exports/nix";
    in
    if pathExists folder then
      map (name: substring 0 (stringLength name - 5) name) (
        filter (hasSuffix ".json") (attrNames (readDir folder))
      )
    else
      [ ];

  # What is wrong with identities, each text with the path of the option that is to be changed

  identityProblems =
    path: name: identity:
    let
      place = "${path}.identities.${name}";
      anchor = parseArn identity.trustAnchorArn;
      profileProblems =
        profileName:
        let
          profile = identity.profiles.${profileName};
          here = "${place}.profiles.${profileName}";
          differing =
            option: arn:
            concatMap (
              what:
              if arn.${what} == anchor.${what} then
                [ ]
              else
                [
                  "${here}.${option} has the ${what} ${arn.${what}}, and the trust anchor ${anchor.${what}}: all three ARNs must come from one namespace."
                ]
            );
        in
        differing "profileArn" (parseArn profile.profileArn) [
          "partition"
          "region"
          "account"
        ]
        ++ differing "roleArn" (parseArn profile.roleArn) [
          "partition"
          "account"
        ]
        ++ map (
          key:
          if elem key reservedKeys then
            "${here}.extraConfig.${key} is made by iam-ra: ${
              if key == "credential_process" then "remove it" else "set ${here}.${key}"
            }."
          else
            "${here}.extraConfig.${key} is not a key of an AWS config file: letters, digits and underscores."
        ) (filter (key: !isConfigKey key) (attrNames profile.extraConfig))
        ++ map (key: "${here}.extraConfig.${key} must be one line.") (
          filter (key: !isConfigValue profile.extraConfig.${key}) (attrNames profile.extraConfig)
        );
    in
    (
      if isIdentityName name then
        [ ]
      else
        [ "${place}: an identity's name is made of letters, digits, `-` and `_`." ]
    )
    ++ (
      if identity.profiles == { } then
        [ "${place}.profiles is empty: set `fleet`, or write at least one profile." ]
      else
        concatMap profileProblems (attrNames identity.profiles)
    );

  # All profiles of all identities: [ { identity, name, path, profile } ].
  profilesOf =
    path: identities:
    concatMap (
      identity:
      map (name: {
        inherit identity name;
        path = "${path}.identities.${identity}.profiles.${name}";
        profile = identities.${identity}.profiles.${name};
      }) (attrNames identities.${identity}.profiles)
    ) (attrNames identities);

  problems =
    path: identities: defaultProfile:
    let
      every = profilesOf path identities;
      called = name: filter (each: each.profile.awsProfileName == name) every;
      paths = map (each: each.path);
      names = unique (map (each: each.profile.awsProfileName) every);
      chosen = filter (each: each.profile.makeDefault) every;
    in
    (
      if identities == { } then
        [ "${path}.identities is empty: set ${path}.fleet, or describe an identity." ]
      else
        [ ]
    )
    ++ concatMap (name: identityProblems path name identities.${name}) (attrNames identities)
    ++ concatMap (
      name:
      if length (called name) > 1 then
        [
          "The AWS profile `${name}` is made by ${concatStringsSep " and " (paths (called name))}: set awsProfileName of one of them."
        ]
      else
        [ ]
    ) names
    ++ (
      if defaultProfile != null && !elem defaultProfile names then
        [
          "${path}.defaultProfile is `${defaultProfile}`, and there is no such AWS profile: ${concatStringsSep ", " names}."
        ]
      else
        [ ]
    )
    ++ (
      if any (each: each.profile.awsProfileName != defaultProfile) chosen then
        [
          "makeDefault is set in ${concatStringsSep " and " (paths chosen)}, and the default profile is ${
            if defaultProfile == null then "none" else "`${defaultProfile}`"
          }: there is one at most."
        ]
      else
        [ ]
    );

  concatMap = function: list: builtins.concatLists (map function list);
  unique =
    list:
    if list == [ ] then
      [ ]
    else
      [ (head list) ] ++ unique (filter (each: each != head list) (tail list));
in
{
  inherit
    ageSecret
    checkHostOutputs
    configText
    hostOutputsFile
    hosts
    isAbsolute
    isAwsProfileName
    isConfigKey
    isInStore
    isKeyHandle
    isKeyLocation
    isLocation
    isProfileArn
    isRegion
    isRoleArn
    isTrustAnchorArn
    isUnitName
    loadCredential
    parseArn
    problems
    profilesOf
    quote
    quoteLocation
    readHostOutputs
    schema
    schemaVersion
    sopsSecret
    storeName
    wrapper
    ;
}
