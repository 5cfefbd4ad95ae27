std = "lua54"
max_line_length = 130
exclude_files = { "lib/meta", "build*" }
files["spec"] = { std = "+busted" }
files["runbooks"] = { read_globals = { "dixis" } }
files["examples"] = { read_globals = { "dixis" } }
files["spec/lint/histories_spec.lua"] = { max_line_length = false }
files["spec/lint/fixtures"] = { max_line_length = false } -- and so is one of a fixture
files["spec/corpus"] = { max_line_length = false } -- a script of the corpus is a line
