"""chemomech: how solid-state batteries live and die at their solid-solid interfaces."""
