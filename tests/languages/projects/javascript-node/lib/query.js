/** The values of a query string, by name; a name without a value has "". */
export function parse(query) {
  const values = {};
  for (const part of query.replace(/^\?/, "").split("&")) {
    if (part === "") {
      continue;
    }
    const [name, value = ""] = part.split("=");
    values[decodeURIComponent(name)] = decodeURIComponent(value);
  }
  return values;
}
