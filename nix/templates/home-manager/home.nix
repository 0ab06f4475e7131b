# The rest of the home: home.username, home.homeDirectory, home.stateVersion, packages.
{
}
