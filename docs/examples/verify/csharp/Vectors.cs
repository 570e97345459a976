// Verifies the vectors in a file: mcs -out:vectors.exe *.cs && mono vectors.exe docs/vectors.json
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;

public static class Vectors
{
    public static int Main(string[] args)
    {
        var file = (Dictionary<string, object>)new Json(File.ReadAllText(args[0])).Value();
        int agree = 0, skipped = 0;
        foreach (Dictionary<string, object> vector in (List<object>)file["vectors"])
        {
            if ((string)vector["scheme"] != "v1")
            {
                skipped++;
                continue;
            }
            var headers = ((Dictionary<string, object>)vector["headers"]).ToDictionary(h => h.Key, h => (string)h.Value);
            var keys = ((List<object>)vector["keys"]).Cast<string>();
            InvalidSignatureException error = null;
            try
            {
                Webhook.Verify(keys, headers, Encoding.UTF8.GetBytes((string)vector["body"]), (long)vector["now"]);
            }
            catch (InvalidSignatureException e)
            {
                error = e;
            }
            if ((error == null) != (bool)vector["valid"])
            {
                Console.Error.WriteLine("csharp: " + vector["name"] + ": " + error);
                return 1;
            }
            agree++;
        }
        Console.WriteLine("csharp: " + agree + " agree, " + skipped + " skipped");
        return 0;
    }

    /// <summary>Reads the JSON of vectors, since Mono and .NET have no common reader: in .NET take System.Text.Json.</summary>
    private sealed class Json
    {
        private readonly string text;
        private int at;

        public Json(string text)
        {
            this.text = text;
        }

        public object Value()
        {
            var c = Next();
            switch (c)
            {
                case '{':
                    var members = new Dictionary<string, object>();
                    for (c = Next(); c != '}'; c = Next())
                    {
                        if (c == '"')
                        {
                            var name = String();
                            Next(); // the colon
                            members[name] = Value();
                        }
                    }
                    return members;
                case '[':
                    var elements = new List<object>();
                    for (c = Next(); c != ']'; c = Next())
                    {
                        if (c != ',')
                        {
                            at--;
                        }
                        elements.Add(Value());
                    }
                    return elements;
                case '"':
                    return String();
                default:
                    var from = at - 1;
                    while (char.IsLetterOrDigit(text[at]))
                    {
                        at++;
                    }
                    var word = text.Substring(from, at - from);
                    return char.IsLetter(c) ? (object)bool.Parse(word) : long.Parse(word, CultureInfo.InvariantCulture);
            }
        }

        private char Next()
        {
            while (char.IsWhiteSpace(text[at]))
            {
                at++;
            }
            return text[at++];
        }

        private string String()
        {
            var value = new StringBuilder();
            for (var c = text[at++]; c != '"'; c = text[at++])
            {
                if (c != '\\')
                {
                    value.Append(c);
                    continue;
                }
                c = text[at++];
                switch (c)
                {
                    case 'n': value.Append('\n'); break;
                    case 'r': value.Append('\r'); break;
                    case 't': value.Append('\t'); break;
                    case 'u':
                        value.Append((char)int.Parse(text.Substring(at, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                        at += 4;
                        break;
                    default: value.Append(c); break;
                }
            }
            return value.ToString();
        }
    }
}
