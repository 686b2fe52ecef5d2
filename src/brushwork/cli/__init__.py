"""The `brushwork` command. No torch until a verb needs it."""
