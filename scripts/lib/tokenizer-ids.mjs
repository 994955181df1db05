// What @huggingface/tokenizers makes of strings: node tokenizer-ids.mjs IMPLEMENTATION DIRECTORY STRINGS
// writes DIRECTORY/ids.json, one object a line: the text, its ids without anything put around it, and their text again.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [implementation, directory, strings] = process.argv.slice(2);
const { Tokenizer } = await import(pathToFileURL(implementation));
const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const config = `${directory}/tokenizer_config.json`;
const tokenizer = new Tokenizer(read(`${directory}/tokenizer.json`), existsSync(config) ? read(config) : {});
const lines = read(strings).map((text) => {
  const ids = tokenizer.encode(text, { add_special_tokens: false }).ids;
  const decoded = ids.length === 0 ? "" : tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  return JSON.stringify({ text, ids, decoded });
});
writeFileSync(`${directory}/ids.json`, `[\n${lines.join(",\n")}\n]\n`);
