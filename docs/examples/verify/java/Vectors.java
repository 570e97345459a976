import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SignatureException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Verifies the vectors in a file: javac -d classes *.java && java -cp classes Vectors docs/vectors.json */
public final class Vectors {
    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        Map<String, Object> file = (Map<String, Object>) new Json(Files.readString(Path.of(args[0]))).value();
        int agree = 0;
        for (Map<String, Object> v : (List<Map<String, Object>>) file.get("vectors")) {
            SignatureException error = null;
            try {
                byte[] body = ((String) v.get("body")).getBytes(StandardCharsets.UTF_8);
                Verify.verify((List<String>) v.get("keys"), (Map<String, String>) v.get("headers"), body, (Long) v.get("now"));
            } catch (SignatureException e) {
                error = e;
            }
            if ((error == null) != (Boolean) v.get("valid")) {
                System.err.println("java: " + v.get("name") + ": " + error);
                System.exit(1);
            }
            agree++;
        }
        System.out.println("java: " + agree + " agree, 0 skipped");
    }

    /** Reads the JSON of vectors, since Java's library reads none: take a library for that of others. */
    private static final class Json {
        private final String text;
        private int at;

        Json(String text) {
            this.text = text;
        }

        Object value() {
            char c = next();
            switch (c) {
                case '{' -> {
                    Map<String, Object> object = new LinkedHashMap<>();
                    for (c = next(); c != '}'; c = next()) {
                        if (c == '"') {
                            String name = string();
                            next(); // the colon
                            object.put(name, value());
                        }
                    }
                    return object;
                }
                case '[' -> {
                    List<Object> list = new ArrayList<>();
                    for (c = next(); c != ']'; c = next()) {
                        if (c != ',') {
                            at--;
                        }
                        list.add(value());
                    }
                    return list;
                }
                case '"' -> {
                    return string();
                }
                default -> {
                    int from = at - 1;
                    while (Character.isLetterOrDigit(text.charAt(at))) {
                        at++;
                    }
                    String word = text.substring(from, at);
                    return Character.isLetter(c) ? (Object) Boolean.valueOf(word) : (Object) Long.valueOf(word);
                }
            }
        }

        private char next() {
            while (Character.isWhitespace(text.charAt(at))) {
                at++;
            }
            return text.charAt(at++);
        }

        private String string() {
            StringBuilder out = new StringBuilder();
            for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
                if (c != '\\') {
                    out.append(c);
                    continue;
                }
                c = text.charAt(at++);
                switch (c) {
                    case 'n' -> out.append('\n');
                    case 'r' -> out.append('\r');
                    case 't' -> out.append('\t');
                    case 'u' -> {
                        out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                        at += 4;
                    }
                    default -> out.append(c);
                }
            }
            return out.toString();
        }
    }
}
