<?php

// Verifies the vectors in a file: php docs/examples/verify/php/vectors.php docs/vectors.json

declare(strict_types=1);

require __DIR__ . '/verify.php';

$agree = 0;
foreach (json_decode(file_get_contents($argv[1]), true, flags: JSON_THROW_ON_ERROR)['vectors'] as $vector) {
    $error = null;
    try {
        verify($vector['keys'], $vector['headers'], $vector['body'], $vector['now']);
    } catch (InvalidSignature $e) {
        $error = $e;
    }
    if (($error === null) !== $vector['valid']) {
        fwrite(STDERR, "php: {$vector['name']}: {$error?->getMessage()}\n");
        exit(1);
    }
    $agree++;
}
echo "php: $agree agree, 0 skipped\n";
