# The packages that modules and their tests use. Scripts and files are real files of the store, but not executable.
{
  helper ? "/nix/store/00000000000000000000000000000000-aws-signing-helper",
  shell ? "/bin/sh",
}:

{
  writeText = builtins.toFile;
  writeShellScript = name: text: builtins.toFile name "#!${shell}\n${text}";

  aws-signing-helper = {
    type = "derivation";
    name = "aws-signing-helper";
    outPath = helper;
    meta.mainProgram = "aws_signing_helper";
  };
}
