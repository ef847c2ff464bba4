<?php
// A page that reads countries.tsv: all countries of a continent, or one country.
$lines = array_map(fn($line) => explode("\t", $line), file(__DIR__ . '/countries.tsv', FILE_IGNORE_NEW_LINES));
$names = array_shift($lines);
$rows = array_map(fn($line) => array_combine($names, $line), $lines);

header('Content-Type: text/plain; charset=utf-8');
$code = strtoupper(trim($_SERVER['PATH_INFO'] ?? '', '/'));
if ($code !== '') {
    $found = array_values(array_filter($rows, fn($row) => $row['code'] === $code));
    if (!$found) {
        error_log("no country has the code $code");      // a line in Headwater's error log
        http_response_code(404);
        exit("PHP knows no country with this code.\n");
    }
    $row = $found[0];
    printf("%s: capital %s, %.0f people per square kilometre\n",
        $row['name'], $row['capital'], $row['population'] / $row['area_km2']);
    exit;
}
$continent = $_POST['continent'] ?? $_GET['continent'] ?? 'Oceania';
foreach ($rows as $row) {
    if ($row['continent'] === $continent) {
        printf("%-20s %-16s %10s km²\n", $row['name'], $row['capital'], number_format($row['area_km2']));
    }
}
