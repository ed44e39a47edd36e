//! Cities and streets where invented firms sit, in the spellings that papers use.

/// A city.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct City {
    /// In Russian.
    pub(super) russian: &'static str,
    /// In Latin letters.
    pub(super) latin: &'static str,
}

const fn city(russian: &'static str, latin: &'static str) -> City {
    City { russian, latin }
}

/// Kazakh cities.
pub(super) const KZ_CITIES: &[City] = &[
    city("Алматы", "Almaty"),
    city("Астана", "Astana"),
    city("Шымкент", "Shymkent"),
    city("Караганда", "Karaganda"),
    city("Актобе", "Aktobe"),
    city("Тараз", "Taraz"),
    city("Павлодар", "Pavlodar"),
    city("Семей", "Semey"),
    city("Костанай", "Kostanay"),
    city("Уральск", "Uralsk"),
    city("Петропавловск", "Petropavlovsk"),
    city("Атырау", "Atyrau"),
    city("Актау", "Aktau"),
    city("Кокшетау", "Kokshetau"),
];

/// Russian cities.
pub(super) const RU_CITIES: &[City] = &[
    city("Москва", "Moscow"),
    city("Екатеринбург", "Yekaterinburg"),
    city("Челябинск", "Chelyabinsk"),
    city("Новосибирск", "Novosibirsk"),
    city("Омск", "Omsk"),
    city("Самара", "Samara"),
    city("Оренбург", "Orenburg"),
    city("Казань", "Kazan"),
    city("Санкт-Петербург", "Saint Petersburg"),
    city("Тюмень", "Tyumen"),
];

/// Other cities of the union.
pub(super) const OTHER_CITIES: &[City] =
    &[city("Бишкек", "Bishkek"), city("Ош", "Osh"), city("Ереван", "Yerevan"), city("Гюмри", "Gyumri")];

/// Streets.
pub(super) const STREETS: &[&str] = &[
    "Абая",
    "Ауэзова",
    "Назарбаева",
    "Толе би",
    "Достык",
    "Сатпаева",
    "Кунаева",
    "Момышулы",
    "Жандосова",
    "Райымбека",
    "Абылай хана",
    "Желтоксан",
    "Гагарина",
    "Жамбыла",
    "Сейфуллина",
    "Рыскулова",
    "Заводская",
    "Складская",
    "Промышленная",
    "Кабанбай батыра",
];
