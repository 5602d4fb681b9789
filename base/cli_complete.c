/* SPDX-License-Identifier: Apache-2.0
 * cli_complete.c - completions for three shells, and the list of commands for programs, written from a program's table
 *
 * How it works: each script walks over the words before the cursor, leaves out options and their values, and so knows the command that
 * is being typed; what may come next is looked up in the table, which the script carries.
 */
#include <string.h>
#include "cli_help.h"
#include "json.h"

/* ---- what all of them need ---- */

static bool is_first_named(const struct cli_program *program, const struct cli_command *command, const struct cli_option *option)
{
	for (const struct cli_command *c = program->commands; c != command; c++)
		for (const struct cli_option *o = c->options; o && o->name; o++)
			if (!strcmp(o->name, option->name))
				return false;
	return true;
}

static void valued(const struct cli_option *options, struct buf *out)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		if (!o->value)
			continue;
		buf_printf(out, "%s--%s", out->len ? "|" : "", o->name);
		if (o->letter)
			buf_printf(out, "|-%c", o->letter);
	}
}

/* "--market|--output|-o": the options that take a value, a shell's pattern. */
static void all_valued(const struct cli_program *program, struct buf *out)
{
	valued(program->options, out);
	for (const struct cli_command *c = program->commands; c->name; c++)
		for (const struct cli_option *o = c->options; o && o->name; o++) {
			const struct cli_option one[] = { *o, { 0 } };
			if (is_first_named(program, c, o))
				valued(one, out);
		}
	if (!out->len)
		buf_puts(out, "--none");
}

/* Text inside single quotes; before: what else the shell wants escaped there. */
static void quoted(const char *text, const char *before, struct buf *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else
			buf_printf(out, "%s%c", strchr(before, *text) ? "\\" : "", *text);
	}
}

/* The name as a word that a function may have. */
static void identifier(const char *name, struct buf *out)
{
	for (; *name; name++)
		buf_printf(out, "%c", *name == '-' ? '_' : *name);
}

/* ---- bash ---- */

static void bash_options(const struct cli_option *options, struct buf *out)
{
	for (const struct cli_option *o = options; o && o->name; o++)
		buf_printf(out, " --%s", o->name);
}

static void bash(const struct cli_program *program, const char *values, struct buf *out)
{
	buf_printf(out, "# bash completion of %s, written by \"%s completion bash\"\n_", program->name, program->name);
	identifier(program->name, out);
	buf_puts(out, "()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} line= next= skip= i word name\n"
		      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tword=${COMP_WORDS[i]}\n"
		      "\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n\t\tcase $word in\n");
	buf_printf(out, "\t\t%s) skip=1 ;;\n\t\t-*) ;;\n\t\t*) line+=\"$word \" ;;\n\t\tesac\n\tdone\n", values);
	buf_puts(out, "\tif [ -n \"$skip\" ]; then\n\t\tnext=\n\telif [[ $cur == -* ]]; then\n\t\tcase $line in\n");
	for (const struct cli_command *c = program->commands; c->name; c++)
		if (c->options && *c->name) {
			buf_printf(out, "\t\t'%s '*) next='", c->name);
			bash_options(c->options, out);
			buf_puts(out, "' ;;\n");
		}
	buf_puts(out, "\t\tesac\n\t\tnext+='");
	bash_options(program->options, out);
	bash_options(cli_builtin, out);
	buf_puts(out, "'\n\telse\n\t\twhile read -r name; do\n"
		      "\t\t\tif [[ \"$name \" == \"$line\"?* ]]; then name=${name#\"$line\"}; next+=\" ${name%% *}\"; fi\n"
		      "\t\tdone <<'END'\n");
	for (const struct cli_command *c = program->commands; c->name; c++)
		buf_printf(out, "%s\n", c->name);
	buf_puts(out, "commands\ncompletion bash\ncompletion zsh\ncompletion fish\nhelp\nversion\nEND\n\tfi\n"
		      "\tmapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$cur\" | sort -u)\n"
		      "\t[ \"${#COMPREPLY[@]}\" -gt 0 ] || compopt -o default 2>/dev/null\n}\ncomplete -F _");
	identifier(program->name, out);
	buf_printf(out, " %s\n", program->name);
}

/* ---- zsh ---- */

static void zsh_options(const struct cli_option *options, struct buf *out)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		buf_printf(out, " '--%s:", o->name);
		quoted(o->what, "", out);
		buf_puts(out, "'");
	}
}

static void zsh_line(const char *name, const char *what, struct buf *out)
{
	buf_printf(out, "\t\t'%s:", name);
	quoted(what, "", out);
	buf_puts(out, "'\n");
}

static void zsh(const struct cli_program *program, const char *values, struct buf *out)
{
	buf_printf(out, "#compdef %s\n# zsh completion, written by \"%s completion zsh\"\n", program->name, program->name);
	buf_puts(
		out,
		"local line= skip= word entry name\nlocal -a next all\ntypeset -U next\n"
		"for word in \"${(@)words[2,CURRENT-1]}\"; do\n\tif [[ -n $skip ]]; then skip=; continue; fi\n\tcase $word in\n");
	buf_printf(out, "\t(%s) skip=1 ;;\n\t(-*) ;;\n\t(*) line+=\"$word \" ;;\n\tesac\ndone\n", values);
	buf_puts(out, "if [[ -n $skip ]]; then\n\t_files\nelif [[ $PREFIX == -* ]]; then\n\tcase $line in\n");
	for (const struct cli_command *c = program->commands; c->name; c++)
		if (c->options && *c->name) {
			buf_printf(out, "\t('%s '*) next+=(", c->name);
			zsh_options(c->options, out);
			buf_puts(out, " ) ;;\n");
		}
	buf_puts(out, "\tesac\n\tnext+=(");
	zsh_options(program->options, out);
	zsh_options(cli_builtin, out);
	buf_puts(out, " )\n\t_describe option next\nelse\n\tall=(\n");
	for (const struct cli_command *c = program->commands; c->name; c++)
		zsh_line(c->name, c->summary, out);
	zsh_line("commands", "list the commands", out);
	zsh_line("completion bash", "completions for bash", out);
	zsh_line("completion zsh", "completions for zsh", out);
	zsh_line("completion fish", "completions for fish", out);
	zsh_line("help", "explain a command", out);
	zsh_line("version", "print the version", out);
	/* A word is described where the command ends with it. */
	buf_puts(out, "\t)\n\tfor entry in $all; do\n\t\tname=${entry%%:*}\n\t\tif [[ \"$name \" == \"$line\"?* ]]; then\n"
		      "\t\t\tname=${name#\"$line\"}\n"
		      "\t\t\t[[ $name == *' '* ]] && next+=(\"${name%% *}\") || next+=(\"$name:${entry#*:}\")\n"
		      "\t\tfi\n\tdone\n\tif (( $#next )); then _describe command next; else _files; fi\nfi\n");
}

/* ---- fish ---- */

static void fish_options(const struct cli_program *program, const char *command, const struct cli_option *options,
			 struct buf *out)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		buf_printf(out, "complete -c %s", program->name);
		if (command)
			buf_printf(out, " -n '__%s_at \"%s\" in'", program->name, command);
		buf_printf(out, " -l %s", o->name);
		if (o->letter)
			buf_printf(out, " -s %c", o->letter);
		buf_printf(out, "%s -d '", o->value ? " -r" : "");
		quoted(o->what, "\\", out);
		buf_puts(out, "'\n");
	}
}

static void fish_word(const struct cli_program *program, const char *name, const char *what, struct buf *out)
{
	const char *last = strrchr(name, ' ');
	int before = last ? (int)(last - name) : 0;
	buf_printf(out, "complete -c %s -f -n '__%s_at \"%.*s\" next' -a %s -d '", program->name, program->name, before, name,
		   last ? last + 1 : name);
	quoted(what, "\\", out);
	buf_puts(out, "'\n");
}

/* The first word of a noun's commands, once. */
static void fish_noun(const struct cli_program *program, const struct cli_command *command, struct buf *out)
{
	int len = (int)strcspn(command->name, " ");
	if (!command->name[len])
		return;
	for (const struct cli_command *c = program->commands; c != command; c++)
		if (!strncmp(c->name, command->name, (size_t)len + 1))
			return;
	buf_printf(out, "complete -c %s -f -n '__%s_at \"\" next' -a %.*s\n", program->name, program->name, len, command->name);
}

static void fish(const struct cli_program *program, const char *values, struct buf *out)
{
	buf_printf(out, "# fish completion of %s, written by \"%s completion fish\"\n", program->name, program->name);
	buf_printf(out,
		   "# __%s_at NAME next: exactly these words stand before the cursor; NAME in: at least these\n"
		   "function __%s_at\n\tset -l line\n\tset -l skip 0\n\tfor word in (commandline -opc)[2..-1]\n"
		   "\t\tif test $skip = 1\n\t\t\tset skip 0\n\t\telse if string match -qr -- '^(%s)$' $word\n\t\t\tset skip 1\n"
		   "\t\telse if not string match -q -- '-*' $word\n\t\t\tset -a line $word\n\t\tend\n\tend\n"
		   "\tif test $argv[2] = next\n\t\ttest \"$line\" = \"$argv[1]\"\n\telse\n"
		   "\t\tstring match -q -- \"$argv[1] *\" \"$line \"\n\tend\nend\n",
		   program->name, program->name, values);
	for (const struct cli_command *c = program->commands; c->name; c++) {
		if (!*c->name)
			continue;
		fish_noun(program, c, out);
		fish_word(program, c->name, c->summary, out);
		fish_options(program, c->name, c->options, out);
	}
	fish_word(program, "commands", "list the commands", out);
	buf_printf(out, "complete -c %s -f -n '__%s_at completion next' -a 'bash zsh fish'\n", program->name, program->name);
	fish_word(program, "completion", "completions for a shell", out);
	fish_word(program, "help", "explain a command", out);
	fish_word(program, "version", "print the version", out);
	fish_options(program, NULL, program->options, out);
	fish_options(program, NULL, cli_builtin, out);
}

err_t cli_completion(const struct cli_program *program, const char *shell, struct buf *out)
{
	static const struct {
		const char *name;
		void (*print)(const struct cli_program *program, const char *values, struct buf *out);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
	AUTO_BUF values = { 0 };
	all_valued(program, &values);
	TRY(values.error);
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (!strcmp(shells[i].name, shell)) {
			shells[i].print(program, values.data, out);
			return out->error;
		}
	return E_NOT_FOUND;
}

/* ---- for programs ---- */

static json_t *options_to_json(const struct cli_option *options)
{
	json_t *list = json_array();
	for (const struct cli_option *o = options; o && o->name; o++) {
		json_t *option = json_object();
		json_put_text(option, "name", o->name);
		if (o->letter)
			json_put(option, "letter", json_stringn(&o->letter, 1));
		if (o->value)
			json_put_text(option, "value", o->value);
		json_put_text(option, "what", o->what);
		json_array_append_new(list, option);
	}
	return list;
}

static json_t *command_to_json(const struct cli_command *c)
{
	json_t *command = json_object();
	json_put_text(command, "name", c->name);
	json_put_text(command, "arguments", c->arguments ? c->arguments : "");
	json_put_int(command, "min_args", c->min_args);
	if (c->max_args >= 0)
		json_put_int(command, "max_args", c->max_args);
	json_put_text(command, "summary", c->summary);
	json_put(command, "options", options_to_json(c->options));
	return command;
}

json_t *cli_commands_to_json(const struct cli_program *program)
{
	json_t *all = json_object(), *commands = json_array(), *exits = json_array(), *aliases = json_array();
	for (const struct cli_command *c = program->commands; c->name; c++)
		json_array_append_new(commands, command_to_json(c));
	for (const struct cli_exit_text *e = cli_exits; e->what; e++)
		json_array_append_new(exits, json_pack("{s:i, s:s}", "code", (int)e->code, "what", e->what));
	for (const struct cli_alias *a = program->aliases; a && a->word; a++)
		json_array_append_new(aliases, json_pack("{s:s, s:s}", "word", a->word, "means", a->means));
	json_put_int(all, "schema", 1);
	json_put_text(all, "program", program->name);
	json_put_text(all, "version", program->version);
	json_put(all, "options", options_to_json(program->options));
	json_put(all, "commands", commands);
	json_put(all, "aliases", aliases);
	json_put(all, "exit_codes", exits);
	return all;
}
