# The rest of the Mac: nixpkgs.hostPlatform, system.stateVersion, users, packages.
{
}
