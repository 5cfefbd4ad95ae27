return require("host.embed").version
